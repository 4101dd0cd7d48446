//! Which of the bucket's files go to which stage.

use super::Checks;
use crate::environment::problem::Problem;
use crate::environment::routes::{Inseparable, MOST_RULES, routes};
use crate::environment::{Bucket, Only};

pub(super) fn check(checks: &mut Checks) {
    let bucket = checks.environment.bucket.as_ref();
    let before = checks.found.len();
    for (at, stage) in checks.stages() {
        let Some(only) = &stage.only else { continue };
        let at_only = format!("{at}/only");
        let from = format!("{at}/from");
        if stage.from.as_deref() != Some("bucket") {
            let problem = Problem::new(&at_only, format!("the bucket doesn't feed the stage `{}`", stage.name));
            let help = "`only` chooses among the bucket's files: set `from: bucket`, or remove `only`";
            checks.note(problem.help(help), &[&from]);
        } else if only.prefix.is_none() && only.suffix.is_empty() {
            let problem = Problem::new(&at_only, "neither `prefix` nor `suffix` is there");
            let [prefix, suffix] = ["prefix", "suffix"].map(|key| format!("{at_only}/{key}"));
            checks.note(
                problem.help("name at least one; without `only` the stage gets every file"),
                &[&prefix, &suffix],
            );
        }
        suffixes(checks, &at_only, only);
        if let (Some(bucket), Some(prefix)) = (bucket, &only.prefix) {
            self::prefix(checks, &at_only, bucket, prefix);
        }
    }
    if checks.found.len() == before {
        together(checks);
    }
}

fn prefix(checks: &mut Checks, at: &str, bucket: &Bucket, prefix: &str) {
    let at = format!("{at}/prefix");
    if prefix.split('/').any(|step| step == "." || step == "..") {
        let problem = Problem::new(&at, format!("`{prefix}` has a step `.` or `..`"));
        checks.note(problem.help("keys in a bucket aren't paths: write the prefix out"), &[]);
    } else if !prefix.starts_with(&bucket.uploads) {
        let uploads = &bucket.uploads;
        let problem = Problem::new(
            &at,
            format!("`{prefix}` isn't under `{uploads}`: the stage would get no file"),
        );
        let help =
            format!("only what lands under `{uploads}` is watched: begin with that, or change the bucket's `uploads`");
        checks.note(problem.help(help), &["/bucket/uploads"]);
    }
}

/// None says what another one says already.
fn suffixes(checks: &mut Checks, at: &str, only: &Only) {
    for (i, suffix) in only.suffix.iter().enumerate() {
        let others = only.suffix.iter().enumerate();
        let mut covering = others.filter(|(j, other)| suffix.ends_with(other.as_str()) && (suffix != *other || *j < i));
        let Some((j, other)) = covering.next() else { continue };
        let text = match suffix == other {
            true => format!("`{suffix}` is there twice"),
            false => format!("`{suffix}` adds nothing: what ends so ends in `{other}`, too"),
        };
        let problem = Problem::new(format!("{at}/suffix/{i}"), text);
        checks.note(problem.help("remove one of them"), &[&format!("{at}/suffix/{j}")]);
    }
}

/// What all of them ask can be asked of S3 and SNS.
fn together(checks: &mut Checks) {
    let stages = &checks.environment.stages;
    let every: Vec<String> = (0..stages.len())
        .flat_map(|i| [format!("/stages/{i}/only"), format!("/stages/{i}/from")])
        .chain(["/bucket/uploads".to_owned()])
        .collect();
    let every: Vec<&str> = every.iter().map(String::as_str).collect();
    match routes(checks.environment) {
        Ok(routes) if routes.told.len() > MOST_RULES => {
            let text = format!(
                "the bucket would need {} notifications, and may have {MOST_RULES}",
                routes.told.len()
            );
            let last = stages
                .iter()
                .rposition(|stage| stage.only.is_some())
                .unwrap_or_default();
            let problem = Problem::new(format!("/stages/{last}/only"), text);
            let help = "each pair of a `prefix` and a `suffix` is one: name fewer suffixes, or none with the prefixes";
            checks.note(problem.help(help), &every);
        }
        Ok(_) => {}
        Err(Inseparable { stage, files }) => {
            let name = &stages[stage].name;
            let text = format!("`{name}` would get {files}, too, which other stages want");
            let problem = Problem::new(format!("/stages/{stage}/only"), text);
            let help = "AWS can't ask of one key where it begins and where it ends while others want what has one of both: \
                        give the files a prefix of their own, or remove `prefix` or `suffix`";
            checks.note(problem.help(help), &every);
        }
    }
}
