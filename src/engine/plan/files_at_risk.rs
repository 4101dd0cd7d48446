//! Which files may go astray while a stage's filter changes.
//!
//! The bucket's notifications and the stages' filters change each at its own time: S3 takes "about five minutes"
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-enable-disable-notification-intro.html>), SNS "up to 15
//! minutes" (<https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>). So for a while either of
//! the old may meet either of the new, in whatever order the stacks are changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::blueprint::{Blueprint, outputs, template};
use crate::engine::plan::draft::Found;
use crate::engine::plan::{StackAction, StackPlan};
use crate::environment::routes::Files;

/// How files come to a stage: those that the bucket tells of, and of these what the filter lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    told: Vec<Files>,
    filter: Vec<Files>,
}

impl Route {
    fn files(&self) -> Vec<Files> {
        both(&self.told, &self.filter)
    }
}

/// Says of each stage which files may not come to it, and which may that aren't for it.
pub(super) fn warn(blueprint: &Blueprint, found: &[Option<Found>], plans: &mut [StackPlan]) {
    let read = |body: &str| template::read(body).unwrap_or_default();
    let deployed = |index: usize| found.get(index)?.as_ref()?.template.as_deref().map(read);
    let intake = blueprint.stacks.iter().position(|stack| stack.part == "intake");
    // Without the bucket's stack (`--only`) nothing changes in what it tells.
    let (told_before, told_after) = match intake {
        None => (everything(), everything()),
        Some(index) => match deployed(index) {
            Some(before) => (told(&before), told(&read(&blueprint.stacks[index].body))),
            None => return,
        },
    };
    for (index, stack) in blueprint.stacks.iter().enumerate() {
        let filters = deployed(index)
            .as_ref()
            .and_then(filter)
            .zip(filter(&read(&stack.body)));
        let Some((filter_before, filter_after)) = filters else {
            continue;
        };
        let (before, after) = (
            Route {
                told: told_before.clone(),
                filter: filter_before,
            },
            Route {
                told: told_after.clone(),
                filter: filter_after,
            },
        );
        let shown_on = match intake {
            Some(intake) if plans[index].action != StackAction::Update => intake,
            _ => index,
        };
        if plans[shown_on].action != StackAction::Update {
            continue;
        }
        let (environment, name) = (&blueprint.environment, &stack.part);
        if let Some(late) = late(&before, &after).first() {
            plans[shown_on].warn(format!(
                "files such as {} are new to `{name}`: those that come before the filters hold everywhere, up to 15 minutes \
                 after the deploy, may not arrive. Send them afterwards: qfleet backfill {environment} {name}",
                shown(late)
            ));
        }
        if let Some(astray) = astray(&before, &after).first() {
            plans[shown_on].warn(format!(
                "until then `{name}` may get files such as {}, which are for it neither now nor afterwards: let none of them \
                 be uploaded meanwhile",
                shown(astray)
            ));
        }
    }
}

/// Files that are to come to it, and don't yet.
fn late(before: &Route, after: &Route) -> Vec<Files> {
    let known = before.files();
    let mut late = after.files();
    late.retain(|files| !is_among(files, &known));
    late
}

/// Files that come to it only while one of the two has changed.
fn astray(before: &Route, after: &Route) -> Vec<Files> {
    let meant: Vec<Files> = before.files().into_iter().chain(after.files()).collect();
    let meanwhile = both(&after.told, &before.filter).into_iter();
    let mut meanwhile: Vec<Files> = meanwhile.chain(both(&before.told, &after.filter)).collect();
    meanwhile.retain(|files| !is_among(files, &meant));
    meanwhile
}

fn both(some: &[Files], others: &[Files]) -> Vec<Files> {
    some.iter()
        .flat_map(|files| others.iter().filter_map(|other| files.both(other)))
        .collect()
}

fn is_among(files: &Files, all: &[Files]) -> bool {
    all.iter().any(|known| known.covers(files))
}

fn everything() -> Vec<Files> {
    vec![Files {
        prefix: String::new(),
        suffix: String::new(),
    }]
}

/// What the bucket tells of, by the template of its stack. Keys are encoded as in events, here and below.
fn told(intake: &Map<String, Value>) -> Vec<Files> {
    let resources = template::section(intake, "Resources").map(|(_, resource)| resource);
    let buckets = resources.filter(|resource| resource["Type"] == "AWS::S3::Bucket");
    let notifications =
        buckets.flat_map(|bucket| list(&bucket["Properties"]["NotificationConfiguration"]["TopicConfigurations"]));
    let of_rules = |notification: &Value| {
        let rules = list(&notification["Filter"]["S3Key"]["Rules"]);
        let rule = |name: &str| {
            let mut found = rules.iter().filter(|rule| rule["Name"] == name);
            let value = found.next().and_then(|rule| rule["Value"].as_str());
            value.unwrap_or_default().to_owned()
        };
        Files {
            prefix: rule("prefix"),
            suffix: rule("suffix"),
        }
    };
    let mut told: Vec<Files> = notifications.map(of_rules).collect();
    // Of a bucket that isn't the environment's own, an output has them: by topic and prefix, the suffixes.
    let written = intake.get("Outputs").map(|all| &all[outputs::NOTIFICATIONS]["Value"]);
    let written: BTreeMap<String, BTreeMap<String, Vec<String>>> = written
        .and_then(|text| serde_json::from_str(text.as_str()?).ok())
        .unwrap_or_default();
    for (prefix, suffixes) in written.into_values().flatten() {
        told.extend(suffixes.into_iter().map(|suffix| Files {
            prefix: prefix.clone(),
            suffix,
        }));
    }
    told
}

/// What the subscription of a stage lets through; none where no topic feeds it.
fn filter(stage: &Map<String, Value>) -> Option<Vec<Files>> {
    let subscription = &stage.get("Resources")?.get("Subscription")?["Properties"];
    let keys = list(&subscription["FilterPolicy"]["Records"]["s3"]["object"]["key"]);
    if keys.is_empty() {
        return Some(everything());
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let files = |asked: &Value| Files {
        prefix: text(&asked["prefix"]),
        suffix: text(&asked["suffix"]),
    };
    Some(keys.iter().map(files).collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn shown(files: &Files) -> String {
    let decoded = |text: &str| {
        let mut parsed = form_urlencoded::parse(text.as_bytes());
        parsed.next().map_or_else(String::new, |(key, _)| key.into_owned())
    };
    Files {
        prefix: decoded(&files.prefix),
        suffix: decoded(&files.suffix),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> Vec<Files> {
        let files = |(prefix, suffix): &(&str, &str)| Files {
            prefix: (*prefix).to_owned(),
            suffix: (*suffix).to_owned(),
        };
        all.iter().map(files).collect()
    }

    fn route(told: &[(&str, &str)], filter: &[(&str, &str)]) -> Route {
        Route {
            told: files(told),
            filter: files(filter),
        }
    }

    #[test]
    fn what_is_new_to_a_stage_may_be_late_and_nothing_else() {
        let png = route(&[("uploads/", "")], &[("", ".png")]);
        let both = route(&[("uploads/", "")], &[("", ".png"), ("", ".jpg")]);
        assert_eq!(late(&png, &both), files(&[("uploads/", ".jpg")]));
        assert_eq!((late(&both, &png), astray(&png, &both)), (vec![], vec![]));
        assert_eq!((late(&png, &png), astray(&png, &png)), (vec![], vec![]));
    }

    /// With narrow notifications half a question is enough; with wide ones it lets through what others want.
    #[test]
    fn half_a_filter_beside_other_notifications_lets_strangers_in() {
        let narrow = route(&[("uploads/films/", ".mp4")], &[("", ".mp4")]);
        let wide = route(&[("uploads/", "")], &[("uploads/films/", "")]);
        let strangers = files(&[("uploads/", ".mp4")]);
        assert_eq!(
            (astray(&narrow, &wide), astray(&wide, &narrow)),
            (strangers.clone(), strangers)
        );
        assert_eq!(late(&narrow, &wide), files(&[("uploads/films/", "")]));
        assert_eq!(late(&wide, &narrow), vec![]);
    }

    #[test]
    fn templates_tell_what_is_told_and_what_is_let_through() {
        let own = "\
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        TopicConfigurations:
          - Filter: {S3Key: {Rules: [{Name: prefix, Value: 'uploads/a%3Db'}, {Name: suffix, Value: .mp4}]}}
          - Filter: {S3Key: {Rules: [{Name: prefix, Value: uploads/}]}}
";
        let read = |text: &str| template::read(text).expect("a template");
        let of_own = told(&read(own));
        assert_eq!(of_own, files(&[("uploads/a%3Db", ".mp4"), ("uploads/", "")]));
        assert_eq!(shown(&of_own[0]), "`uploads/a=b….mp4`");
        let existing = "Outputs: {Notifications: {Value: '{\"lab-uploads\":{\"in/\":[\"\",\".png\"]}}'}}\n";
        assert_eq!(told(&read(existing)), files(&[("in/", ""), ("in/", ".png")]));
        let stage = |filter: &str| {
            let text = format!("Resources: {{Subscription: {{Properties: {{TopicArn: x{filter}}}}}}}\n");
            super::filter(&read(&text)).expect("a subscription")
        };
        assert_eq!(stage(""), everything());
        let key = ", FilterPolicy: {Records: {s3: {object: {key: [{\"suffix\": \".png\"}, {\"prefix\": \"in/\"}]}}}}";
        assert_eq!(stage(key), files(&[("", ".png"), ("in/", "")]));
        assert_eq!(super::filter(&read(own)), None);
    }
}
