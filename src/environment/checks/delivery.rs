//! Delivery: what CloudFront asks of the bucket, of a name and of a certificate.

use super::Checks;
use crate::environment::delivery::{CERTIFICATE_REGION, delivers_from, not_from};
use crate::environment::problem::Problem;

const AT: &str = "/delivery";

pub(super) fn check(checks: &mut Checks) {
    if checks.environment.delivery.is_none() {
        return;
    }
    bucket(checks);
    region(checks);
    own_name(checks);
    key_groups(checks);
}

fn bucket(checks: &mut Checks) {
    let Some(bucket) = &checks.environment.bucket else {
        let problem = Problem::new(AT, "`delivery` hands out files of a `bucket`, and there is none");
        checks.note(
            problem.help("add `bucket: {}`, or remove `delivery`").on_key(),
            &["/bucket"],
        );
        return;
    };
    // S3 takes a `+` in an address for a space, and whoever signs a request may write the others otherwise than the key
    // (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
    if let Some(sign) = bucket.processed.chars().find(|sign| "+=@".contains(*sign)) {
        let problem = Problem::new(
            match checks.environment.source.written("/bucket/processed") {
                Some(_) => "/bucket/processed",
                None => AT,
            },
            format!(
                "with `delivery`, `processed` is part of addresses, and `{}` has a `{sign}`, which may be written otherwise there",
                bucket.processed
            ),
        );
        checks.note(
            problem.help("use letters, digits, `.`, `_`, `-` and `/`"),
            &["/bucket/processed"],
        );
    }
}

/// Also where no file names it, rendering looks once more.
fn region(checks: &mut Checks) {
    if let Some(region) = checks
        .environment
        .region
        .as_deref()
        .filter(|region| !delivers_from(region))
    {
        checks.note(not_from(region, AT).on_key(), &["/region"]);
    }
}

fn own_name(checks: &mut Checks) {
    let Some(delivery) = &checks.environment.delivery else {
        return;
    };
    let (domain, certificate) = ("/delivery/domain", "/delivery/certificate");
    match (&delivery.domain, &delivery.certificate) {
        (Some(_), None) => checks.note(
            Problem::new(domain, "`domain` needs a `certificate`: CloudFront answers for no name without one")
                .help("have ACM issue one for it in us-east-1, and name its ARN with `certificate`; or remove `domain`")
                .on_key(),
            &[certificate],
        ),
        (None, Some(_)) => checks.note(
            Problem::new(certificate, "`certificate` needs a `domain`, which it is for")
                .help("name it, such as `domain: files.example.com`; or remove `certificate`: CloudFront's own name has one")
                .on_key(),
            &[domain],
        ),
        _ => {}
    }
    if let Some(region) = delivery
        .region_of_certificate()
        .filter(|region| *region != CERTIFICATE_REGION)
    {
        let message =
            format!("the certificate is in `{region}`, and CloudFront takes those of `{CERTIFICATE_REGION}` only");
        let help = format!("have ACM issue one in `{CERTIFICATE_REGION}`, whatever region the environment is in");
        checks.note(Problem::new(certificate, message).help(help), &[]);
    }
    // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
    if let (Some(of), Some(account)) = (delivery.account_of_certificate(), &checks.environment.account)
        && of != account
    {
        let message = format!("the certificate belongs to account {of}, and the environment to {account}");
        let help = "CloudFront takes a certificate of its own account only: have ACM issue one there";
        checks.note(Problem::new(certificate, message).help(help), &["/account"]);
    }
    // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements
    if let Some(name) = delivery
        .domain
        .as_deref()
        .filter(|name| name.ends_with(".cloudfront.net"))
    {
        let problem = Problem::new(domain, format!("`{name}` is a name that CloudFront gives"));
        checks.note(
            problem.help("remove `domain` and `certificate`: each distribution gets a name; `qfleet outputs` shows it"),
            &[],
        );
    }
}

fn key_groups(checks: &mut Checks) {
    let groups = checks
        .environment
        .delivery
        .iter()
        .flat_map(|delivery| &delivery.key_groups);
    let groups: Vec<&String> = groups.collect();
    for (i, group) in groups.iter().enumerate() {
        if groups[..i].contains(group) {
            let problem = Problem::new(
                format!("{AT}/key_groups/{i}"),
                format!("`{group}` is in the list twice"),
            );
            checks.note(problem, &[]);
        }
    }
}
