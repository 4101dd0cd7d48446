//! What a file has that only one environment can have, where it is deployed under a name that was given.

use crate::environment::Environment;
use crate::environment::problem::Problem;

pub fn advise(environment: &Environment, advice: &mut Vec<Problem>) {
    let Some(given) = environment.given_name() else { return };
    let name = &given.name;
    if let Some(domain) = environment
        .delivery
        .as_ref()
        .and_then(|delivery| delivery.domain.as_ref())
    {
        // CNAMEAlreadyExists: "The CNAME specified is already defined for CloudFront."
        // (https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistribution.html)
        let what = format!("{domain} is for {name} and for every other environment from this file");
        let problem = Problem::new("/delivery/domain", what);
        advice.push(problem.help(
            "CloudFront gives a domain to one distribution, and refuses it to the next: in a file for many names, leave out \
             `domain` and `certificate`",
        ));
    }
    let existing = environment.bucket.as_ref().and_then(|bucket| bucket.existing.as_ref());
    if let Some(existing) = existing {
        let what =
            format!("{name} and every other environment from this file would look at the same files of {existing}");
        let problem = Problem::new("/bucket/existing", what);
        advice.push(problem.help(
            "S3 tells one topic of a file, and `deploy` refuses the second environment: in a file for many names, leave out \
             `existing`",
        ));
    }
}
