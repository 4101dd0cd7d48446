//! A bucket's notifications. Whoever writes them writes all of them
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>).

use std::collections::BTreeSet;

use roxmltree::{Document, Node};

use super::services::Plain;

/// When somebody else writes: after the first, second … call of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Read(u32),
    Write(u32),
}

#[derive(Debug, Clone, Default)]
pub struct Notifications {
    /// As they are handed out; empty: none.
    pub text: String,
    /// What somebody else puts in their place, and when.
    pub others_write: Vec<(Moment, String)>,
    reads: u32,
    writes: u32,
}

/// The most that a bucket has
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>).
const MOST: usize = 100;

impl Notifications {
    pub fn get(&mut self) -> Plain {
        self.reads += 1;
        let text = match self.text.is_empty() {
            true => "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>".to_owned(),
            false => self.text.clone(),
        };
        self.others_write(Moment::Read(self.reads));
        Plain::ok("application/xml", text)
    }

    pub fn put(&mut self, body: &[u8]) -> Plain {
        self.writes += 1;
        let text = String::from_utf8_lossy(body).into_owned();
        let Ok(document) = Document::parse(&text) else {
            return Plain::s3_error(400, "MalformedXML");
        };
        if let Some(why) = refusal(&document) {
            return Plain::s3_refusal(400, "InvalidArgument", why);
        }
        // Recorded: `test_filter_rules_case_insensitive`, they come back as "Prefix" and "Suffix".
        self.text = text
            .replace("<Name>prefix</Name>", "<Name>Prefix</Name>")
            .replace("<Name>suffix</Name>", "<Name>Suffix</Name>");
        self.others_write(Moment::Write(self.writes));
        Plain::ok("application/xml", "")
    }

    fn others_write(&mut self, now: Moment) {
        if let Some(at) = self.others_write.iter().position(|(moment, _)| *moment == now) {
            self.text = self.others_write.remove(at).1;
        }
    }
}

fn texts<'a>(node: Node<'a, 'a>, name: &str) -> Vec<&'a str> {
    let named = node
        .descendants()
        .filter(|found| found.has_tag_name(name) || found.tag_name().name() == name);
    named.filter_map(|found| found.text()).collect()
}

/// The message is S3's, the rule that of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>:
/// of the same event type, no two have both prefixes and suffixes that one key can have. A missing one is empty.
fn refusal(document: &Document<'_>) -> Option<&'static str> {
    let entries = document.root_element().children().filter(Node::is_element);
    let entries: Vec<_> = entries.filter(|entry| !texts(*entry, "Event").is_empty()).collect();
    if entries.len() > MOST {
        return Some("The number of notification configurations exceeds the limit");
    }
    let ids: Vec<&str> = entries.iter().flat_map(|entry| texts(*entry, "Id")).collect();
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Some("Same ID used for multiple configurations. IDs must be unique");
    }
    let filter = |entry: Node<'_, '_>, wanted: &str| {
        let rules = entry
            .descendants()
            .filter(|node| node.tag_name().name() == "FilterRule");
        let rules = rules.filter(|rule| texts_of(*rule, "Name").eq_ignore_ascii_case(wanted));
        rules.map(|rule| texts_of(rule, "Value")).next().unwrap_or_default()
    };
    for (place, one) in entries.iter().enumerate() {
        for other in &entries[..place] {
            let events = texts(*one, "Event");
            let same = |event: &&str| texts(*other, "Event").iter().any(|known| same_event(event, known));
            let (prefix, suffix) = (filter(*one, "prefix"), filter(*one, "suffix"));
            let (prefix_2, suffix_2) = (filter(*other, "prefix"), filter(*other, "suffix"));
            let prefixes = prefix.starts_with(&prefix_2) || prefix_2.starts_with(&prefix);
            let suffixes = suffix.ends_with(&suffix_2) || suffix_2.ends_with(&suffix);
            if events.iter().any(same) && prefixes && suffixes {
                return Some(
                    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes \
                     are overlapping for the same event type.",
                );
            }
        }
    }
    None
}

fn texts_of(node: Node<'_, '_>, name: &str) -> String {
    let found = node.children().find(|child| child.tag_name().name() == name);
    found.and_then(|child| child.text()).unwrap_or_default().to_owned()
}

/// `s3:ObjectCreated:*` and `s3:ObjectCreated:Put` have events in common.
fn same_event(one: &str, other: &str) -> bool {
    let within = |wide: &str, narrow: &str| wide.strip_suffix('*').is_some_and(|begin| narrow.starts_with(begin));
    one == other || within(one, other) || within(other, one)
}
