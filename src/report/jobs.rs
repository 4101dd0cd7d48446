//! What `send`, `backfill` and `dlq` say at the end.

use std::fmt::Write;

use indicatif::HumanBytes;
use jiff::Timestamp;

use super::next::{self, Step};
use super::style::{CAREFUL, FAINT, STRONG, many, paint, seconds};
use crate::cloud::sqs::queues::QueueDepth;
use crate::jobs::backfill::Found;
use crate::jobs::destinations::Intake;
use crate::jobs::event::Reply;
use crate::jobs::messages::Sent;
use crate::jobs::redrive::{How, Redriven};
use crate::jobs::replies::Replies;
use crate::jobs::sample::{HIDDEN, Sample};
use crate::jobs::upload::Uploaded;
use crate::observe::old_workers::OldWorkers;

/// What was uploaded, and what wasn't.
pub fn uploaded(report: &Uploaded) -> String {
    let mut out = format!(
        "sent {} ({}) to s3://{}/{} in {}\n",
        many(report.files, "file"),
        HumanBytes(report.bytes),
        report.bucket,
        report.prefix,
        seconds(report.seconds)
    );
    out += &rest(
        report.failed.len(),
        report.unknown.len() as u64,
        report.not_sent,
        "file",
    );
    for key in &report.unknown {
        let _ = writeln!(out, "  may be there: {key}");
    }
    out
}

/// What was sent, and what wasn't.
pub fn sent(report: &Sent) -> String {
    let mut out = format!(
        "sent {} ({}) to {} in {}\n",
        many(report.messages, "message"),
        HumanBytes(report.bytes),
        queue_name(&report.queue),
        seconds(report.seconds)
    );
    out += &rest(report.failed.len(), report.unknown, report.not_sent, "message");
    out
}

/// A reply, on one line.
pub fn reply(reply: &Reply) -> String {
    format!("{}  {}\n", paint(FAINT, &reply.job_id), escaped(&reply.body))
}

/// Which jobs were replied to, and which weren't.
pub fn replies(report: &Replies) -> String {
    let open = report.open.len() as u64;
    let mut out = format!(
        "{} of {} replied to\n",
        report.replied,
        many(report.replied + open, "job")
    );
    if open > 0 {
        let _ = writeln!(
            out,
            "{}: no reply; one that still comes waits in {} for a day",
            paint(CAREFUL, many(open, "job")),
            queue_name(&report.reply_queue)
        );
    }
    for open in report.open.iter().take(OPEN) {
        let _ = writeln!(out, "  {} {}", open.job_id, printable(&open.job, LONGEST));
    }
    if report.open.len() > OPEN {
        let _ = writeln!(out, "  and {} more; --output json names all", report.open.len() - OPEN);
    }
    out
}

/// What `backfill` would send to a stage.
pub fn found(found: Found, intake: &Intake) -> String {
    let ends = match intake.only.suffix.as_slice() {
        [] => String::new(),
        suffixes => format!(" that end in {}", suffixes.join(" or ")),
    };
    format!(
        "{} ({}) under s3://{}/{}{ends}\n",
        many(found.objects, "object"),
        HumanBytes(found.bytes),
        intake.bucket,
        intake.prefix
    )
}

/// What to know before dead letters go back. `status` shows how workers are replaced, `again` sends them back.
pub fn old_workers(stage: &str, OldWorkers { old, of }: OldWorkers, status: &str, again: &str) -> String {
    let (instances, them) = match (of, old) {
        (1, _) => ("the only instance".to_owned(), "it"),
        (of, 1) => (format!("1 of {of} instances"), "it"),
        (of, old) => (format!("{old} of {of} instances"), "them"),
    };
    let are = if old == 1 { "is" } else { "are" };
    format!(
        "{instances} of {stage} {are} older than its last deploy, and dead letters that reach {them} may fail as they did. \
         When none is left, which `{status}` shows, send back what has failed again: {again}"
    )
}

/// How dead letters went back, and which didn't.
pub fn redriven(report: &Redriven) -> String {
    let (from, to) = (queue_name(&report.from), queue_name(&report.to));
    if report.how == How::Nothing {
        return format!("nothing was moved: no messages were found in {from}\n");
    }
    let moved = many(report.moved, "message");
    let mut out = format!("moved {moved} from {from} to {to} in {}\n", seconds(report.seconds));
    out += &rest(report.failed.len(), report.unknown, 0, "message");
    for failed in &report.failed {
        let _ = writeln!(out, "  {}: {}", failed.what, failed.message);
    }
    if report.goes_on {
        out += "the task goes on in SQS; the same command waits for it again\n";
    } else if !report.succeeded {
        let _ = writeln!(
            out,
            "what was not moved is still in {from}; the same command goes on with it"
        );
    }
    out
}

/// Dead letters, each with the files that it tells of and its beginning. `next`: what to do with them.
pub fn sample(sample: &Sample, now_there: Option<QueueDepth>, next: &[Step]) -> String {
    let queue = queue_name(&sample.queue);
    if sample.messages.is_empty() {
        return format!("No messages were received from {queue}.\n");
    }
    let of = now_there.map_or(String::new(), |depth| format!(" of about {}", depth.total()));
    let mut out = format!("{}{of} in {}\n", many(sample.messages.len() as u64, "message"), queue);
    for letter in &sample.messages {
        // A message that SQS moves keeps its count, and the receive that finds it among the dead letters counts, too: 2
        // with maxReceiveCount 1 (recorded: localstack/localstack tests/aws/services/sqs/test_sqs.snapshot.json,
        // test_dead_letter_queue_message_attributes).
        let receives = match letter.receives.map(|times| times.saturating_sub(1)) {
            None => "received ? times".to_owned(),
            Some(0) => "never received".to_owned(),
            Some(1) => "received once".to_owned(),
            Some(times) => format!("received {times} times"),
        };
        let _ = writeln!(
            out,
            "\n{}  {receives} before this look, first {}; sent {}",
            paint(STRONG, printable(&letter.id, LONGEST)),
            at(letter.first_received),
            at(letter.sent)
        );
        for file in &letter.files {
            let _ = writeln!(out, "  {} {}", paint(FAINT, "file"), escaped(file));
        }
        if let Some(group) = &letter.group_id {
            let _ = writeln!(out, "  {} {}", paint(FAINT, "group"), printable(group, LONGEST));
        }
        for (name, value) in &letter.attributes {
            let _ = writeln!(
                out,
                "  {} {}",
                paint(FAINT, printable(name, LONGEST)),
                printable(value, LONGEST)
            );
        }
        let _ = writeln!(out, "  {}", printable(&letter.body, LONGEST));
    }
    if !sample.messages.is_empty() {
        out.push_str("\nEach look counts as a receive.\n");
    }
    let _ = write!(out, "\nNext:\n{}", next::text(next));
    for id in &sample.hidden {
        let text = format!("stays hidden for up to {HIDDEN} s");
        let _ = writeln!(out, "\n{} {text}", paint(CAREFUL, printable(id, LONGEST)));
    }
    out
}

/// Before everything in a dead-letter queue is deleted.
pub fn purge_question(queue: &str, depth: QueueDepth) -> String {
    let queue = queue_name(queue);
    match depth.total() {
        0 => {
            format!("SQS counts no messages in {queue}, and can be a minute late. Delete all that are there for good?")
        }
        counted => format!("Delete about {} in {queue} for good?", many(counted, "message")),
    }
}

pub fn purged(queue: &str, depth: QueueDepth) -> String {
    let counted = match depth.total() {
        0 => "SQS had counted none".to_owned(),
        counted => format!("about {}", many(counted, "message")),
    };
    let queue = queue_name(queue);
    format!("purged {queue}: {counted}; SQS takes up to a minute until all are gone\n")
}

/// The name in a queue's URL.
pub fn queue_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// A line for each kind of what isn't there; none when all is.
fn rest(failed: usize, unknown: u64, not_sent: u64, what: &str) -> String {
    let mut out = String::new();
    for (number, text) in [
        (failed as u64, "failed"),
        (unknown, "on the way when it was interrupted, and may be there"),
        (not_sent, "not sent"),
    ] {
        if number > 0 {
            let _ = writeln!(out, "{}: {text}", paint(CAREFUL, many(number, what)));
        }
    }
    out
}

fn at(time: Option<Timestamp>) -> String {
    time.map_or("?".into(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// How many jobs without a reply are named.
const OPEN: usize = 20;
/// How much of a text is shown, in characters.
const LONGEST: usize = 300;

/// The beginning of a text that anybody may have sent: on one line, and unable to do anything to the terminal.
fn printable(text: &str, longest: usize) -> String {
    let mut out = String::new();
    for (number, c) in text.chars().enumerate() {
        if number == longest {
            let _ = write!(out, "… ({} in all)", HumanBytes(text.len() as u64));
            break;
        }
        out.extend(escape(c));
    }
    out
}

/// A text that anybody may have written, on one line and unable to do anything to the terminal; tabs stay.
pub(super) fn escaped(text: &str) -> String {
    let piece = |c| match c {
        '\t' => c.to_string(),
        c => escape(c).collect(),
    };
    text.chars().map(piece).collect()
}

fn escape(c: char) -> impl Iterator<Item = char> {
    let is_harmless = !c.is_control() && !is_bidirectional(c);
    let escaped = (!is_harmless).then(|| c.escape_default());
    escaped.into_iter().flatten().chain(is_harmless.then_some(c))
}

/// Characters that make a terminal show text in another order than it has.
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_can_do_nothing_to_the_terminal() {
        let text = printable("a\x1b[2Jb\nc\u{202e}d\u{9b}31m 🚚", 300);
        assert_eq!(text, "a\\u{1b}[2Jb\\nc\\u{202e}d\\u{9b}31m 🚚");
        let long = printable(&"ü".repeat(301), 300);
        assert!(long.ends_with("ü… (602 B in all)"), "{long}");
        assert_eq!(printable(&"ü".repeat(300), 300), "ü".repeat(300));
    }

    #[test]
    fn queues_are_called_by_their_names() {
        for url in [
            "https://sqs.us-east-2.amazonaws.com/111122223333/lab-move-dlq",
            "lab-move-dlq",
        ] {
            assert_eq!(queue_name(url), "lab-move-dlq");
        }
    }
}
