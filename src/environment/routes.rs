//! How the bucket's files get to the stages that want them.
//!
//! A topic's filter policy may ask where a key begins, or where it ends, but not both: "You can't apply AND logic to values
//! of the same attribute" (<https://docs.aws.amazon.com/sns/latest/dg/and-or-logic.html>). The rules of a bucket's
//! notification ask both, but may not overlap each other
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>). So where a stage asks
//! both, the bucket tells the topic only of files that some stage wants, and each subscription asks what is left.

use super::{Environment, Only};

/// How many notifications a bucket may have
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>).
pub const MOST_RULES: usize = 100;

/// Files whose keys begin and end so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    pub prefix: String,
    /// Empty: whatever their keys end in.
    pub suffix: String,
}

/// What a subscription asks of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter<'a> {
    Nothing,
    Prefix(&'a str),
    /// It ends in one of these.
    Suffix(&'a [String]),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Routes<'a> {
    /// What the bucket tells the topic of; no two of them overlap.
    pub told: Vec<Files>,
    /// What each stage's subscription asks, by the stages' index; none of stages that the bucket doesn't feed.
    pub filters: Vec<Option<Filter<'a>>>,
}

/// A stage that no filter gives its files alone.
#[derive(Debug, PartialEq, Eq)]
pub struct Inseparable {
    /// By index.
    pub stage: usize,
    /// Files that others want, and that no filter keeps from it.
    pub files: Files,
}

/// What a stage wants, if the bucket feeds it.
pub fn wanted(environment: &Environment, stage: usize) -> Vec<Files> {
    let (Some(bucket), Some(stage)) = (&environment.bucket, environment.stages.get(stage)) else {
        return Vec::new();
    };
    if stage.from.as_deref() != Some("bucket") {
        return Vec::new();
    }
    let only = stage.only.as_ref();
    let prefix = only.and_then(|only| only.prefix.as_ref()).unwrap_or(&bucket.uploads);
    let suffixes = only.map(|only| only.suffix.as_slice()).unwrap_or_default();
    let files = |suffix: &str| Files {
        prefix: prefix.clone(),
        suffix: suffix.to_owned(),
    };
    match suffixes {
        [] => vec![files("")],
        suffixes => suffixes.iter().map(|suffix| files(suffix)).collect(),
    }
}

/// How the files get to the stages.
///
/// # Errors
/// A stage that would get files of others.
pub fn routes(environment: &Environment) -> Result<Routes<'_>, Inseparable> {
    let stages = || (0..environment.stages.len()).map(|stage| (stage, wanted(environment, stage)));
    let everything = environment.bucket.iter().map(|bucket| Files {
        prefix: bucket.uploads.clone(),
        suffix: String::new(),
    });
    let everything: Vec<Files> = everything.collect();
    let find = |told: &[Files]| -> Result<Vec<Option<Filter<'_>>>, Inseparable> {
        let filters = stages().map(|(stage, wanted)| match wanted.as_slice() {
            [] => Ok(None),
            _ => filter(&environment.stages[stage].only, &wanted, told)
                .map(Some)
                .map_err(|files| Inseparable { stage, files }),
        });
        filters.collect()
    };
    // Without need the bucket tells of all: stages can then be added without a change to the bucket.
    if let Ok(filters) = find(&everything) {
        let told = everything;
        return Ok(Routes { told, filters });
    }
    let told = apart(stages().flat_map(|(_, wanted)| wanted).collect());
    let filters = find(&told)?;
    Ok(Routes { told, filters })
}

/// A filter that lets through what is wanted and nothing else that is told.
fn filter<'a>(only: &'a Option<Only>, wanted: &[Files], told: &[Files]) -> Result<Filter<'a>, Files> {
    let Some(only) = only else {
        return Ok(Filter::Nothing);
    };
    let mut candidates = Vec::new();
    if !only.suffix.is_empty() {
        candidates.push(Filter::Suffix(&only.suffix));
    }
    if let Some(prefix) = &only.prefix {
        candidates.push(Filter::Prefix(prefix));
    }
    let mut others = None;
    for candidate in candidates {
        let passes = told.iter().flat_map(|files| candidate.of(files));
        match passes
            .into_iter()
            .find(|files| !wanted.iter().any(|wanted| wanted.covers(files)))
        {
            None => return Ok(candidate),
            Some(files) => others = Some(files),
        }
    }
    others.map_or(Ok(Filter::Nothing), Err)
}

impl Filter<'_> {
    /// Those of the files that it lets through.
    fn of(self, files: &Files) -> Vec<Files> {
        let both = |prefix: &str, suffix: &str| {
            files.both(&Files {
                prefix: prefix.to_owned(),
                suffix: suffix.to_owned(),
            })
        };
        match self {
            Filter::Nothing => vec![files.clone()],
            Filter::Prefix(prefix) => both(prefix, "").into_iter().collect(),
            Filter::Suffix(suffixes) => suffixes.iter().filter_map(|suffix| both("", suffix)).collect(),
        }
    }
}

fn begins(key: &str, prefix: &str) -> bool {
    key.starts_with(prefix)
}

fn ends(key: &str, suffix: &str) -> bool {
    key.ends_with(suffix)
}

/// The longer of two beginnings, or ends; none where no key has both.
fn longer<'a>(one: &'a str, other: &'a str, has: fn(&str, &str) -> bool) -> Option<&'a str> {
    match (has(one, other), has(other, one)) {
        (true, _) => Some(one),
        (_, true) => Some(other),
        _ => None,
    }
}

impl Files {
    /// Whether each of the other files is one of these.
    pub fn covers(&self, other: &Files) -> bool {
        other.prefix.starts_with(&self.prefix) && other.suffix.ends_with(&self.suffix)
    }

    /// The files that are both; none where no file can be.
    pub fn both(&self, other: &Files) -> Option<Files> {
        Some(Files {
            prefix: longer(&self.prefix, &other.prefix, begins)?.to_owned(),
            suffix: longer(&self.suffix, &other.suffix, ends)?.to_owned(),
        })
    }

    pub fn overlaps(&self, other: &Files) -> bool {
        self.both(other).is_some()
    }
}

/// The same files and no more others than it takes for no two to overlap.
fn apart(all: Vec<Files>) -> Vec<Files> {
    let mut apart: Vec<Files> = Vec::new();
    for mut files in all {
        while let Some(position) = apart.iter().position(|known| known.overlaps(&files)) {
            let known = apart.swap_remove(position);
            let shorter = |one: String, other: String| if one.len() <= other.len() { one } else { other };
            files = Files {
                prefix: shorter(known.prefix, files.prefix),
                suffix: shorter(known.suffix, files.suffix),
            };
        }
        apart.push(files);
    }
    apart.sort_by(|one, other| (&one.prefix, &one.suffix).cmp(&(&other.prefix, &other.suffix)));
    apart
}

impl std::fmt::Display for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}…{}`", self.prefix, self.suffix)
    }
}
