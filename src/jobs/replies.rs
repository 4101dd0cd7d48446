//! Replies to jobs that were sent: received from a queue that all who wait share.
//!
//! SQS can't be asked for the reply to one job: everybody receives everything. Own replies are shown and deleted. Others'
//! are left: they are hidden for a second, so that this one doesn't receive nothing else, and then whoever waits for them
//! gets them. Nobody tells which of them are waited for at all. But whoever waits receives all the time: what came here
//! three times, or lay there for minutes before anybody received it, is most likely nobody's. That is hidden for longer and
//! longer, so that the replies of those who left don't stand in front of the others'.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use super::event::{Events, Reply};
use crate::cloud::Cloud;
use crate::cloud::sqs::messages::{BATCH, Received};
use crate::error::{Error, Result, exit_code};
use crate::interrupt::{Interrupt, until};

/// For how many seconds a request waits for messages: shorter than what a request may take.
const WAIT: i32 = 5;
/// For how many seconds what is received is hidden, until it is known whose it is. What this command has in hand when it
/// ends comes back after that.
const HIDDEN: i32 = 10;
/// The longest that others' replies are hidden for: whoever went away and comes back has theirs after that.
const LONGEST: u32 = 15 * 60;
/// The longest because of how often all who wait have received a reply: how many they are isn't known.
const LONGEST_BY_ALL: u32 = 30;
/// A reply that nobody received for so long had nobody waiting for it when it came.
const ALONE: SignedDuration = SignedDuration::from_mins(5);

/// A job that wasn't replied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Open {
    pub job_id: String,
    /// Where it came from: a file, or a line of one.
    pub job: String,
}

/// What came of waiting.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Replies {
    /// The URL of the queue that they came from.
    pub reply_queue: String,
    /// How many jobs were replied to.
    pub replied: u64,
    /// Jobs that are in the queue and were not replied to.
    pub open: Vec<Open>,
    /// What was said; only with `--output json`, as the others show each when it comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<Vec<Reply>>,
    /// Whether it ended because somebody wanted it to.
    #[serde(skip)]
    pub interrupted: bool,
}

impl Replies {
    /// How the command ends. The reasons were shown before.
    ///
    /// # Errors
    /// When a job was not replied to.
    pub fn result(&self) -> Result<()> {
        match (self.open.is_empty(), self.interrupted) {
            (true, _) => Ok(()),
            (false, true) => Err(Error::Shown(exit_code::INTERRUPTED)),
            (false, false) => Err(Error::Shown(exit_code::FAILED)),
        }
    }
}

/// The jobs of this command: those that are sent are noted while replies to the first ones come in.
#[derive(Debug, Default)]
pub struct Jobs(RefCell<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// By id: where each came from.
    open: BTreeMap<String, String>,
    replied: BTreeSet<String>,
    /// Others' replies, by the message's id: how often each was received here.
    others: BTreeMap<String, u32>,
    /// When the last one was sent.
    all_sent: Option<Instant>,
}

impl Jobs {
    /// A job is in the queue.
    pub fn sent(&self, id: &str, job: &str) {
        self.0.borrow_mut().open.insert(id.to_owned(), job.to_owned());
    }

    /// No more will be sent. Returns how many are to be waited for.
    pub fn all_sent(&self) -> usize {
        let mut noted = self.0.borrow_mut();
        noted.all_sent = Some(Instant::now());
        noted.open.len()
    }

    fn is_done(&self) -> bool {
        let noted = self.0.borrow();
        noted.all_sent.is_some() && noted.open.is_empty()
    }

    /// Somebody else's reply was received here. Returns how often that makes.
    fn received_again(&self, message: &str) -> u32 {
        let mut noted = self.0.borrow_mut();
        let times = noted.others.entry(message.to_owned()).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// The job that a reply is about, the first time that it is replied to; none, inside, at later times. None where the
    /// job is another command's.
    fn replied(&self, id: &str) -> Option<Option<String>> {
        let mut noted = self.0.borrow_mut();
        match noted.open.remove(id) {
            Some(job) => {
                noted.replied.insert(id.to_owned());
                Some(Some(job))
            }
            None => noted.replied.contains(id).then_some(None),
        }
    }
}

/// Everything that waiting works with.
pub struct Wait<'a> {
    pub cloud: &'a Cloud,
    /// The URL of the queue for replies.
    pub queue: &'a str,
    pub jobs: &'a Jobs,
    /// How long to wait after the last job was sent.
    pub patience: Duration,
    pub tell: &'a Events,
    pub interrupt: &'a Interrupt,
}

impl Wait<'_> {
    /// Hands on each reply as it comes, until each job that was sent has one, or it must end. That nothing can be received is
    /// a warning, and ends it.
    pub async fn collect(&self, mut on_reply: impl FnMut(Reply)) {
        while !self.jobs.is_done() && !self.interrupt.asked() {
            let received = tokio::select! {
                biased;
                received = self.cloud.receive_messages(self.queue, BATCH, HIDDEN, WAIT) => received,
                () = self.interrupt.wait() => break,
                () = self.out_of_patience() => break,
            };
            match received {
                Ok(messages) => self.sort(messages, &mut on_reply).await,
                Err(error) => {
                    self.tell.warn(format!("replies can't be received: {error}"));
                    break;
                }
            }
        }
    }

    /// Returns when the time to wait is over, which begins when the last job was sent.
    async fn out_of_patience(&self) {
        let all_sent = self.jobs.0.borrow().all_sent;
        until(all_sent.map(|at| at + self.patience)).await;
    }

    /// What came of it, when nothing more is sent.
    pub fn end(&self) -> Replies {
        let noted = self.jobs.0.borrow();
        let open = noted.open.iter().map(|(id, job)| Open {
            job_id: id.clone(),
            job: job.clone(),
        });
        Replies {
            reply_queue: self.queue.to_owned(),
            replied: noted.replied.len() as u64,
            open: open.collect(),
            replies: None,
            interrupted: self.interrupt.asked(),
        }
    }

    async fn sort(&self, messages: Vec<Received>, on_reply: &mut impl FnMut(Reply)) {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for message in messages {
            let id = message.message.extras.job_id().map(str::to_owned);
            match id.and_then(|id| Some((self.jobs.replied(&id)?, id))) {
                None => {
                    let seconds = shown_in(&message, self.jobs.received_again(&message.id));
                    others.push((message.handle, seconds));
                }
                Some((first, id)) => {
                    own.push(message.handle);
                    if let Some(job) = first {
                        on_reply(Reply {
                            job_id: id,
                            job,
                            body: message.message.body,
                            sent: message.sent,
                        });
                    }
                }
            }
        }
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let others: Vec<(&str, i32)> = others
            .iter()
            .map(|(handle, seconds)| (handle.as_str(), *seconds))
            .collect();
        if !own.is_empty()
            && let Err(error) = self.cloud.delete_messages(self.queue, &own).await
        {
            self.tell
                .warn(format!("replies that were shown could not be deleted: {error}"));
        }
        if !others.is_empty()
            && let Err(error) = self.cloud.show_messages_in(self.queue, &others).await
        {
            self.tell.warn(format!(
                "others' replies could not be shown to them before {HIDDEN} s are over: {error}"
            ));
        }
    }
}

/// After how many seconds a reply that is somebody else's is to be seen again. At first, who waits for it should have it
/// soon. Those who wait receive at much the same pace: when it was received `here` so often, whoever waits for it has had
/// it, but for one time in three for each of these. So it is hidden for twice as long each time; who has just come can't
/// tell, but leaves alone what was left alone.
///
/// How often anybody has received it counts, too: those who come and go never see it often, and it takes hours until it was
/// received a thousand times and becomes a dead letter.
fn shown_in(reply: &Received, here: u32) -> i32 {
    let alone = reply.sent.zip(reply.first_received);
    if alone.is_some_and(|(sent, first)| first.duration_since(sent) > ALONE) {
        return LONGEST.cast_signed();
    }
    let doubled = 1_u32 << here.saturating_sub(2).min(16);
    let by_all = (1 + reply.receives.unwrap_or(1) / 20).min(LONGEST_BY_ALL);
    doubled.max(by_all).min(LONGEST).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_counts_once_however_often_it_is_replied_to() {
        let jobs = Jobs::default();
        jobs.sent("1", "jobs, line 1");
        assert!(!jobs.is_done());
        assert_eq!(jobs.replied("1"), Some(Some("jobs, line 1".into())));
        assert_eq!(jobs.replied("1"), Some(None), "ours, and shown before");
        assert_eq!(jobs.replied("2"), None, "another command's");
        assert!(!jobs.is_done(), "more may be sent");
        assert_eq!(jobs.all_sent(), 0);
        assert!(jobs.is_done());
    }

    fn received(receives: u32, alone_for: i64) -> Received {
        let sent = jiff::Timestamp::UNIX_EPOCH;
        Received {
            id: "one".into(),
            handle: String::new(),
            message: crate::cloud::sqs::messages::Message::new("done"),
            receives: Some(receives),
            first_received: Some(sent + SignedDuration::from_secs(alone_for)),
            sent: Some(sent),
        }
    }

    /// How often a reply is received by so many who wait in turn, and within how many seconds: until it was received so
    /// often, or for so long.
    fn wait(senders: u32, most: u32, longest: i64) -> (u32, i64) {
        let (mut receives, mut seconds) = (0, 0);
        while receives < most && seconds < longest {
            receives += 1;
            seconds += i64::from(shown_in(&received(receives, 1), receives.div_ceil(senders)));
        }
        (receives, seconds)
    }

    #[test]
    fn what_comes_again_and_again_is_hidden_for_longer_each_time() {
        let shown = [1, 2, 3, 4, 5, 11, 12, u32::MAX].map(|here| shown_in(&received(here.min(19), 1), here));
        assert_eq!(shown, [1, 1, 2, 4, 8, 512, 900, 900]);
        // One who waits beside ten thousand that are nobody's has received each of them some ten times after five minutes.
        assert!(wait(1, u32::MAX, 300).0 <= 10);
    }

    #[test]
    fn what_nobody_waited_for_when_it_came_stands_in_nobodys_way() {
        assert_eq!(shown_in(&received(1, 301), 1), 900);
        assert_eq!(shown_in(&received(1, 300), 1), 1);
        let mut unknown = received(1, 301);
        unknown.first_received = None;
        assert_eq!(shown_in(&unknown, 1), 1);
    }

    #[test]
    fn who_waits_for_it_has_it_soon_also_among_many() {
        for senders in [2, 20, 100] {
            let (_, seconds) = wait(senders, senders, i64::MAX);
            assert!(seconds <= 4 * i64::from(senders), "{senders}: {seconds}");
        }
    }

    /// The limit stands in `templates/stage/replies.yaml.j2`; a day is how long a reply is kept.
    #[test]
    fn nobodys_replies_are_no_dead_letters_for_hours_however_many_wait() {
        for senders in [1, 20] {
            let (receives, _) = wait(senders, u32::MAX, 86_400);
            assert!(receives < 1000, "{senders}: {receives}");
        }
        // Those who come and go see it once each: for hours.
        let (_, seconds) = wait(u32::MAX, 1000, i64::MAX);
        assert!(seconds > 5 * 3600, "{seconds}");
    }
}
