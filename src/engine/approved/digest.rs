//! What a plan would do, short enough to be handed from the job that plans to the job that deploys.
//!
//! ```text
//! v1:PLACE.SETTINGS:work=TO+ACTS+CHANGES+KINDS:-old=…:@bucket=…
//! ```
//!
//! One entry for each stack to which something is done, for each stack that is pruned (`-`), and for each bucket of others
//! whose notifications change (`@`). So a deploy that was stopped half-way can show that the rest of it was approved.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::engine::hash::Hash;

/// Hashes of another version are of other things.
const VERSION: &str = "v1";

/// Bytes of the hashes. Whoever writes an environment file could look for two that come to the same: what a stack becomes
/// holds against that. The others can't be chosen freely.
const PLACE: usize = 6;
const TO: usize = 24;
const ACTS: usize = 9;
const CHANGES: usize = 9;
/// Only to say which of them differs: what a stack becomes has them, too.
const KIND: usize = 3;

/// A digest of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Account, region, environment.
    pub(super) place: Hash<PLACE>,
    /// Options that change what a deploy does.
    pub(super) settings: Settings,
    pub(super) entries: BTreeMap<Subject, Entry>,
}

/// To what something is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// The stack of this part.
    Stack(String),
    /// The stack of this part, which the file doesn't have any more.
    Pruned(String),
    /// The notifications of this bucket.
    Bucket(String),
}

/// What is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What it becomes.
    pub(super) to: Hash<TO>,
    /// What it is now, and what is done to it besides CloudFormation's changes.
    pub(super) acts: Hash<ACTS>,
    /// What CloudFormation says it would change.
    pub(super) changes: Hash<CHANGES>,
    /// What it becomes, by kinds.
    pub(super) kinds: Kinds,
}

/// Options that change what a deploy does, each by itself, in the order of `Planned::settings`.
pub(super) type Settings = [Hash<KIND>; 6];

/// Of what a stack becomes, each kind by itself, in the order of [`KINDS`].
pub(super) type Kinds = [Hash<KIND>; KINDS.len()];

pub(super) const KINDS: [&str; 4] = ["template", "parameters", "tags", "programs"];

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Stack(part) => f.write_str(part),
            Subject::Pruned(part) => write!(f, "-{part}"),
            Subject::Bucket(bucket) => write!(f, "@{bucket}"),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}:{}.", self.place)?;
        each(f, &self.settings)?;
        for (subject, entry) in &self.entries {
            let Entry {
                to,
                acts,
                changes,
                kinds,
            } = entry;
            write!(f, ":{subject}={to}{acts}{changes}")?;
            each(f, kinds)?;
        }
        Ok(())
    }
}

fn each(f: &mut fmt::Formatter<'_>, hashes: &[Hash<KIND>]) -> fmt::Result {
    hashes.iter().try_for_each(|hash| write!(f, "{hash}"))
}

const MALFORMED: &str = "is no digest of a plan: take the whole `digest` of `qfleet plan --output json`";

impl FromStr for Digest {
    type Err = String;

    /// # Errors
    /// That it is no digest, or one of another version.
    fn from_str(text: &str) -> Result<Digest, String> {
        let mut pieces = text.trim().split(':');
        match pieces.next().unwrap_or_default() {
            VERSION => {}
            other if other.len() > 1 && other.starts_with('v') && other[1..].bytes().all(|b| b.is_ascii_digit()) => {
                return Err(format!(
                    "it is of version {other}, and this qfleet knows {VERSION}: plan and deploy with the same version of qfleet"
                ));
            }
            _ => return Err(MALFORMED.to_owned()),
        }
        let read = || {
            let (place, settings) = pieces.next()?.split_once('.')?;
            let mut digest = Digest {
                place: place.parse().ok()?,
                settings: read_each(settings)?,
                entries: BTreeMap::new(),
            };
            for piece in pieces {
                let (subject, hashes) = piece.split_once('=')?;
                let entry = Entry::read(hashes)?;
                if digest.entries.insert(Subject::read(subject)?, entry).is_some() {
                    return None;
                }
            }
            Some(digest)
        };
        read().ok_or_else(|| MALFORMED.to_owned())
    }
}

impl Subject {
    fn read(text: &str) -> Option<Subject> {
        let subject = match text.split_at_checked(1)? {
            ("-", part) => Subject::Pruned(part.to_owned()),
            ("@", bucket) => Subject::Bucket(bucket.to_owned()),
            _ => Subject::Stack(text.to_owned()),
        };
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        let (Subject::Stack(name) | Subject::Pruned(name) | Subject::Bucket(name)) = &subject;
        is_name(name).then_some(subject)
    }
}

impl Entry {
    fn read(text: &str) -> Option<Entry> {
        let (to, rest) = text.split_at_checked(letters(TO))?;
        let (acts, rest) = rest.split_at_checked(letters(ACTS))?;
        let (changes, kinds) = rest.split_at_checked(letters(CHANGES))?;
        Some(Entry {
            to: to.parse().ok()?,
            acts: acts.parse().ok()?,
            changes: changes.parse().ok()?,
            kinds: read_each(kinds)?,
        })
    }
}

/// How long a hash of so many bytes is as text.
fn letters(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// So many hashes, one after the other, and nothing else.
fn read_each<const COUNT: usize>(mut text: &str) -> Option<[Hash<KIND>; COUNT]> {
    let mut hashes = Vec::new();
    while !text.is_empty() {
        let (hash, rest) = text.split_at_checked(letters(KIND))?;
        hashes.push(hash.parse().ok()?);
        text = rest;
    }
    hashes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::hash::Words;

    fn digest() -> Digest {
        let words = |text: &str| Words::about(text);
        let entry = |of: &str| Entry {
            to: words(of).word("to").hash(),
            acts: words(of).word("acts").hash(),
            changes: words(of).word("changes").hash(),
            kinds: KINDS.map(|kind| words(of).word(kind).hash()),
        };
        let subjects = [
            Subject::Stack("work".into()),
            Subject::Stack("dashboard".into()),
            Subject::Pruned("old".into()),
            Subject::Bucket("some.bucket".into()),
        ];
        Digest {
            place: words("place").hash(),
            settings: ["a", "b", "c", "d", "e", "f"].map(|setting| words(setting).hash()),
            entries: subjects
                .into_iter()
                .map(|one| (one.clone(), entry(&one.to_string())))
                .collect(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = digest().to_string();
        assert_eq!(text.parse(), Ok(digest()));
        let names: Vec<&str> = text
            .split(':')
            .skip(2)
            .filter_map(|piece| Some(piece.split_once('=')?.0))
            .collect();
        assert_eq!(names, ["dashboard", "work", "-old", "@some.bucket"], "in one order");
        // A shell takes it as it is.
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:=@".contains(&b)),
            "{text}"
        );
        let empty = Digest {
            entries: BTreeMap::new(),
            ..digest()
        };
        assert_eq!(empty.to_string().parse(), Ok(empty));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let good = digest().to_string();
        let cut = &good[..good.len() - 1];
        for bad in [
            "",
            "v1",
            "v1:",
            "v1:a.b",
            "sha256:abc",
            cut,
            &format!("{good}:"),
            &format!("{good}:=x"),
            "vx:a",
        ] {
            assert_eq!(
                bad.parse::<Digest>().as_ref().map_err(String::as_str),
                Err(MALFORMED),
                "{bad}"
            );
        }
        // The same stack twice.
        let (_, last) = good.rsplit_once(':').expect("it");
        assert!(format!("{good}:{last}").parse::<Digest>().is_err());
        let newer = good
            .replacen("v1", "v2", 1)
            .parse::<Digest>()
            .expect_err("another version");
        assert!(newer.contains("version v2"), "{newer}");
    }
}
