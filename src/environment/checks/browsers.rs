//! Whose pages may upload.

use super::Checks;
use crate::environment::origin;
use crate::environment::problem::Problem;

pub(super) fn check(checks: &mut Checks) {
    let Some(bucket) = &checks.environment.bucket else {
        return;
    };
    for (i, browser) in bucket.browsers.iter().enumerate() {
        // S3 compares origins letter by letter.
        let help = match origin::as_sent(browser) {
            Some(sent) if sent == *browser => continue,
            Some(sent) => format!("browsers send it as `{sent}`: write that"),
            None => "write a host that there can be, and a port up to 65535".to_owned(),
        };
        let problem = Problem::new(
            format!("/bucket/browsers/{i}"),
            format!("no browser sends `{browser}` as an origin"),
        );
        checks.note(problem.help(help), &[]);
    }
    checks.twice("/bucket/browsers", &bucket.browsers);
}
