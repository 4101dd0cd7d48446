//! The notifications of a bucket, as text and as what it says. Pure.

use std::ops::Range;

use aws_smithy_xml::encode::XmlWriter;
use roxmltree::Node;
use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::notifications::{EVENT, Notifications, Rule};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    text: String,
    pub entries: Vec<Entry>,
    /// Where new ones are put.
    place: Place,
}

/// Somebody's notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entry {
    /// Its element in S3's XML: `TopicConfiguration`, `QueueConfiguration`, `CloudFunctionConfiguration`, …
    pub kind: String,
    pub id: String,
    /// The ARN of who is told.
    pub destination: String,
    pub events: Vec<String>,
    /// Empty: whatever keys begin with.
    pub prefix: String,
    /// Empty: whatever keys end in.
    pub suffix: String,
    #[serde(skip)]
    range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    At(usize),
    /// The document is one empty element; where its `/>` stands.
    Empty(Range<usize>),
}

/// What it takes for a bucket to tell an environment what it should.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Merge {
    /// What is added.
    pub added: Vec<Rule>,
    /// What of the environment's own is taken out.
    pub removed: Vec<Entry>,
    /// Notifications of others, which stay as they are.
    pub others: usize,
    /// Those of them that tell the environment's topics.
    #[serde(skip)]
    pub of_others: Vec<Entry>,
    /// The whole of it then; `None` where nothing is to be done.
    #[serde(skip)]
    pub text: Option<String>,
}

/// A notification of somebody else's that S3 doesn't let stand beside one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Conflict {
    /// What is needed.
    pub rule: Rule,
    /// What is in its way.
    pub with: Entry,
}

impl Document {
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: String) -> Result<Document, String> {
        let (entries, place) = {
            let parsed = roxmltree::Document::parse(&text).map_err(|error| error.to_string())?;
            let root = parsed.root_element();
            if root.tag_name().name() != "NotificationConfiguration" {
                return Err(format!("<{}> is none", root.tag_name().name()));
            }
            let elements = || root.children().filter(Node::is_element);
            let end = root.range().end;
            let place = match elements().next() {
                Some(first) => Place::At(first.range().start),
                None if text[..end].ends_with("/>") => Place::Empty(end - 2..end),
                None => Place::At(text[..end].rfind("</").unwrap_or(end)),
            };
            (elements().filter_map(Entry::read).collect(), place)
        };
        Ok(Document { text, entries, place })
    }

    /// What is to be done so that it has these rules and, of this environment's, no others. What somebody else put in
    /// counts as well, whatever its id: CloudFormation can't set one
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-topicconfiguration.html>).
    pub fn merge(&self, wanted: &Notifications) -> Merge {
        let ours = || self.entries.iter().filter(|entry| entry.is_of(wanted));
        let added: Vec<Rule> = wanted
            .rules
            .iter()
            .filter(|rule| !self.entries.iter().any(|entry| entry.is(rule)))
            .cloned()
            .collect();
        let is_wanted = |entry: &&Entry| wanted.rules.iter().any(|rule| entry.is(rule));
        let removed: Vec<Entry> = ours().filter(|entry| !is_wanted(entry)).cloned().collect();
        let of_others = self.entries.iter().filter(|entry| !entry.is_of(wanted));
        let of_others = of_others.filter(|entry| wanted.is_our_topic(&entry.destination));
        let nothing = added.is_empty() && removed.is_empty();
        Merge {
            others: self.entries.len() - ours().count(),
            of_others: of_others.cloned().collect(),
            text: (!nothing).then(|| self.with(&added, &removed)),
            added,
            removed,
        }
    }

    /// What of others stands in the way of these rules. "Amazon S3 can't have overlapping filters for the same event types":
    /// where prefixes overlap, suffixes must not, and an empty one overlaps all
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>). One that does what a
    /// rule asks is in nobody's way.
    pub fn conflicts(&self, wanted: &Notifications) -> Vec<Conflict> {
        let is_wanted = |entry: &Entry| wanted.rules.iter().any(|rule| entry.is(rule));
        let others = self
            .entries
            .iter()
            .filter(|entry| !entry.is_of(wanted) && !is_wanted(entry));
        let conflicts = others.flat_map(|entry| {
            let rules = wanted.rules.iter().filter(|rule| entry.overlaps(rule));
            rules.map(|rule| Conflict {
                rule: rule.clone(),
                with: entry.clone(),
            })
        });
        conflicts.collect()
    }

    /// Everything else stays as it is, to the byte.
    fn with(&self, added: &[Rule], removed: &[Entry]) -> String {
        let mut new = String::new();
        let mut taken: Vec<&str> = self.entries.iter().map(|entry| entry.id.as_str()).collect();
        taken.retain(|id| !removed.iter().any(|entry| entry.id == *id));
        for rule in added {
            write(&mut new, rule, &taken);
        }
        let (at, mut out) = match &self.place {
            Place::Empty(range) => {
                let root = self.text[..range.start].trim_end();
                let rest = &self.text[range.end..];
                return format!("{root}>{new}</NotificationConfiguration>{rest}");
            }
            Place::At(at) => (*at, String::with_capacity(self.text.len() + new.len())),
        };
        out.push_str(&self.text[..at]);
        out.push_str(&new);
        let mut from = at;
        for entry in removed {
            out.push_str(&self.text[from..entry.range.start]);
            from = entry.range.end;
        }
        out.push_str(&self.text[from..]);
        out
    }
}

/// S3 takes no id twice.
fn write(out: &mut String, rule: &Rule, taken: &[&str]) {
    let mut id = rule.id.clone();
    for number in 2.. {
        if !taken.contains(&id.as_str()) {
            break;
        }
        id = format!("{}-{number}", rule.id);
    }
    let mut writer = XmlWriter::new(out);
    let mut entry = writer.start_el("TopicConfiguration").finish();
    let mut text = |name: &str, value: &str| {
        let mut element = entry.start_el(name).finish();
        element.data(value);
        element.finish();
    };
    text("Id", &id);
    text("Topic", &rule.topic);
    text("Event", EVENT);
    let mut filter = entry.start_el("Filter").finish();
    let mut key = filter.start_el("S3Key").finish();
    for (name, value) in [("prefix", &rule.prefix), ("suffix", &rule.suffix)] {
        if value.is_empty() {
            continue;
        }
        let mut part = key.start_el("FilterRule").finish();
        for (element, text) in [("Name", name), ("Value", value.as_str())] {
            let mut element = part.start_el(element).finish();
            element.data(text);
            element.finish();
        }
        part.finish();
    }
    key.finish();
    filter.finish();
    entry.finish();
}

impl Entry {
    /// `None` of what tells nobody of events, such as `EventBridgeConfiguration`: nothing overlaps it.
    fn read(node: Node<'_, '_>) -> Option<Entry> {
        let text = |node: Node<'_, '_>| node.text().unwrap_or_default().trim().to_owned();
        let named = |name: &str| -> Vec<Node<'_, '_>> {
            let children = node.children();
            children.filter(|child| child.tag_name().name() == name).collect()
        };
        let events: Vec<String> = named("Event").into_iter().map(text).collect();
        if events.is_empty() {
            return None;
        }
        // `Topic`, `Queue`, `CloudFunction`, and what else may come.
        let mut texts = node.children().filter(Node::is_element).map(text);
        let destination = texts.find(|text| text.starts_with("arn:")).unwrap_or_default();
        let filters = |wanted: &str| {
            let rules = named("Filter").into_iter().flat_map(|filter| filter.descendants());
            let mut rules = rules.filter(|rule| rule.tag_name().name() == "FilterRule");
            let value = |rule: Node<'_, '_>, name: &str| {
                let found = rule.children().find(|child| child.tag_name().name() == name);
                found.map(|found| found.text().unwrap_or_default().to_owned())
            };
            // S3 hands out "Prefix" for "prefix".
            let found = rules.find(|rule| value(*rule, "Name").is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
            found.and_then(|rule| value(rule, "Value")).unwrap_or_default()
        };
        Some(Entry {
            kind: node.tag_name().name().to_owned(),
            id: named("Id").into_iter().map(text).next().unwrap_or_default(),
            destination,
            prefix: filters("prefix"),
            suffix: filters("suffix"),
            events,
            range: node.range(),
        })
    }

    fn is_of(&self, environment: &Notifications) -> bool {
        environment.are_ours(&self.id, &self.destination)
    }

    fn is(&self, rule: &Rule) -> bool {
        self.destination == rule.topic
            && self.events == [EVENT]
            && is_same(&self.prefix, &rule.prefix)
            && is_same(&self.suffix, &rule.suffix)
    }

    fn overlaps(&self, rule: &Rule) -> bool {
        // `s3:ObjectCreated:*` has all that are called so.
        let same_events = self
            .events
            .iter()
            .any(|event| event.starts_with(EVENT.trim_end_matches('*')));
        same_events && rule.overlaps(&self.prefix, &self.suffix)
    }
}

impl std::fmt::Display for Entry {
    /// As in `thumbnails (lambda make-thumbnails) on uploads/…`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({}) of keys {}",
            self.id,
            self.destination,
            keys(&self.prefix, &self.suffix)
        )
    }
}

/// Whether S3 has what was written. No page says whether it hands `%3D` out as it was sent.
fn is_same(found: &str, written: &str) -> bool {
    let decoded = || form_urlencoded::parse(written.as_bytes()).next().unwrap_or_default().0;
    found == written || found == decoded()
}

/// As in `uploads/…png`.
pub fn keys(prefix: &str, suffix: &str) -> String {
    format!("{prefix}…{suffix}")
}

#[cfg(test)]
mod tests;
