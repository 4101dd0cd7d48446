//! How far jobs are: a bar in a terminal, a line from time to time without one, or JSON lines.

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::jobs::queue_name;
use super::live::{self, Drawn};
use super::progress::Face;
use super::style::{BAD, CAREFUL, count, paint, sign};
use crate::jobs::event::{Doing, Event, Events};

/// Shows events until all their senders are gone.
#[derive(Debug)]
pub struct Transfer(JoinHandle<()>);

impl Transfer {
    pub fn begin(face: Face) -> (Events, Transfer) {
        let (events, receiver) = Events::channel();
        let task = match face {
            Face::Live => tokio::spawn(bar(receiver)),
            Face::Plain | Face::Brief => tokio::spawn(plain(receiver, super::note)),
            Face::Jsonl => tokio::spawn(super::line::lines(receiver)),
        };
        (events, Transfer(task))
    }

    /// Waits until everything is shown. All senders must be gone.
    pub async fn end(self) {
        let _ = self.0.await;
    }
}

/// How far it is.
#[derive(Debug, Default)]
struct Meter {
    doing: Option<Doing>,
    items: u64,
    bytes: Option<u64>,
    items_done: u64,
    bytes_done: u64,
}

impl Meter {
    fn note(&mut self, event: &Event) {
        match event {
            Event::JobsStarted {
                doing, items, bytes, ..
            } => {
                *self = Meter {
                    doing: Some(*doing),
                    items: *items,
                    bytes: *bytes,
                    ..Meter::default()
                };
            }
            Event::PartSent { bytes, .. } => self.bytes_done += bytes,
            Event::FileSent { bytes, in_parts, .. } => {
                self.items_done += 1;
                self.bytes_done += bytes - in_parts;
            }
            Event::MessagesSent { messages, bytes } => {
                self.items_done += messages;
                self.bytes_done += bytes;
            }
            Event::MessagesMoved { moved, of } => {
                self.items_done = *moved;
                self.items = of.unwrap_or(self.items).max(*moved);
            }
            Event::Replied(_) if self.doing == Some(Doing::Waiting) => self.items_done += 1,
            Event::Replied(_) | Event::NotSent(_) | Event::Warning { .. } => {}
        }
    }

    /// As in `12 of 340 files, 1.10 MiB of 3.40 GiB`.
    fn text(&self) -> String {
        let what = match self.doing {
            Some(Doing::Uploading) => "files",
            Some(Doing::Waiting) => "replies",
            _ => "messages",
        };
        let items = format!("{} of {} {what}", self.items_done, self.items);
        match self.bytes {
            Some(bytes) => format!("{items}, {} of {}", HumanBytes(self.bytes_done), HumanBytes(bytes)),
            None => items,
        }
    }

    /// How much is done, and of how much: in bytes where they are known, and there are any.
    fn position(&self) -> (u64, u64) {
        match self.bytes {
            Some(bytes @ 1..) => (self.bytes_done, bytes),
            _ => (self.items_done, self.items),
        }
    }
}

/// What is said of an event by itself, however progress is shown.
fn words(event: &Event) -> Option<String> {
    match event {
        Event::JobsStarted {
            doing,
            to,
            items,
            bytes,
        } => {
            let (verb, what, to) = match doing {
                Doing::Uploading => ("uploading", "file", to.as_str()),
                Doing::Sending => ("sending", "message", queue_name(to)),
                Doing::Moving => ("moving", "message", queue_name(to)),
                Doing::Waiting => ("waiting for replies to", "message", queue_name(to)),
            };
            let items = count(usize::try_from(*items).unwrap_or(usize::MAX), what);
            let bytes = bytes.map_or(String::new(), |bytes| format!(" ({})", HumanBytes(bytes)));
            let side = if *doing == Doing::Waiting { "from" } else { "to" };
            Some(format!("{verb} {items}{bytes} {side} {to}"))
        }
        Event::NotSent(failed) => Some(format!(
            "{} {}: {}",
            sign(BAD, "✗", "not sent:"),
            failed.what,
            failed.message
        )),
        Event::Warning { message } => Some(format!("{} {message}", paint(CAREFUL, "warning:"))),
        _ => None,
    }
}

/// What is a result by itself, for standard output.
fn result(event: &Event) -> Option<String> {
    match event {
        Event::Replied(reply) => Some(super::jobs::reply(reply)),
        _ => None,
    }
}

/// How often a log is told how far it is.
const OFTEN: Duration = Duration::from_secs(10);

async fn plain(mut events: UnboundedReceiver<Event>, mut print: impl FnMut(&str)) {
    let mut meter = Meter::default();
    let mut next = Instant::now() + OFTEN;
    loop {
        tokio::select! {
            biased;
            event = events.recv() => {
                let Some(event) = event else { return };
                meter.note(&event);
                if let Some(text) = words(&event) {
                    print(&text);
                }
                if let Some(text) = result(&event) {
                    super::text(&text);
                }
            }
            () = sleep_until(next) => {
                next += OFTEN;
                if meter.doing.is_some() {
                    print(&format!("  {}", meter.text()));
                }
            }
        }
    }
}

async fn bar(mut events: UnboundedReceiver<Event>) {
    let mut meter = Meter::default();
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {wide_msg}") {
        bar.set_style(style);
    }
    live::begin(Drawn::Bar(bar.clone()));
    while let Some(event) = events.recv().await {
        meter.note(&event);
        if let Some(text) = words(&event) {
            bar.suspend(|| super::note(&text));
        }
        if let Some(text) = result(&event) {
            bar.suspend(|| super::text(&text));
        }
        if meter.doing.is_some() {
            let (done, of) = meter.position();
            bar.set_length(of);
            bar.set_position(done);
            let left = bar.eta().as_secs();
            let left = if done == 0 || left == 0 {
                String::new()
            } else {
                format!(", {} left", super::style::whole_seconds(left))
            };
            bar.set_message(meter.text() + &left);
        }
    }
    live::end();
    bar.finish_and_clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::Failed;

    fn started(doing: Doing, items: u64, bytes: Option<u64>) -> Event {
        let to = "s3://lab/uploads/".into();
        Event::JobsStarted {
            doing,
            to,
            items,
            bytes,
        }
    }

    fn file(bytes: u64, in_parts: u64) -> Event {
        let key = "uploads/x".into();
        Event::FileSent { key, bytes, in_parts }
    }

    #[test]
    fn parts_of_a_file_count_once() {
        let mut meter = Meter::default();
        let part = |bytes| {
            let key = "uploads/x".into();
            Event::PartSent { key, bytes }
        };
        for event in [
            started(Doing::Uploading, 3, Some(60 << 20)),
            part(8 << 20),
            part(4 << 20),
        ] {
            meter.note(&event);
        }
        assert_eq!(meter.text(), "0 of 3 files, 12.00 MiB of 60.00 MiB");
        meter.note(&file(12 << 20, 12 << 20));
        meter.note(&file(1 << 20, 0));
        assert_eq!(meter.text(), "2 of 3 files, 13.00 MiB of 60.00 MiB");
        assert_eq!(meter.position(), (13 << 20, 60 << 20));
    }

    #[test]
    fn what_is_moved_may_be_more_than_sqs_said() {
        let mut meter = Meter::default();
        meter.note(&started(Doing::Moving, 3, None));
        meter.note(&Event::MessagesMoved { moved: 5, of: Some(4) });
        assert_eq!(meter.text(), "5 of 5 messages");
        assert_eq!(meter.position(), (5, 5));
    }

    /// In a log: what begins and what fails at once, how far it is from time to time, and not each file.
    #[tokio::test(start_paused = true)]
    async fn a_log_is_told_from_time_to_time() {
        let (sender, receiver) = Events::channel();
        let began = Instant::now();
        let tell = async move {
            sender.tell(started(Doing::Uploading, 100, Some(1000)));
            for number in 1..=25 {
                sleep_until(began + Duration::from_secs(number)).await;
                sender.tell(file(10, 0));
            }
            sender.tell(Event::NotSent(Failed {
                what: "a.txt".into(),
                message: "gone".into(),
            }));
        };
        let mut said = Vec::new();
        let print = plain(receiver, |line| {
            let line = anstream::adapter::strip_str(line).to_string();
            said.push(format!("{:>2} {line}", began.elapsed().as_secs()));
        });
        futures_util::future::join(tell, print).await;
        assert_eq!(
            said,
            [
                " 0 uploading 100 files (1000 B) to s3://lab/uploads/",
                "10   10 of 100 files, 100 B of 1000 B",
                "20   20 of 100 files, 200 B of 1000 B",
                "25 ✗ a.txt: gone",
            ]
        );
    }
}
