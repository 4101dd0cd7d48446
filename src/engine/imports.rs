//! Data that was kept when its stack went, and that a new stack takes in as it is.

use crate::blueprint::template;
use crate::cloud::change_set::{Action, Change};
use crate::cloud::{Cloud, CloudError};

/// A bucket or a queue that is there without a stack, under a name that a template gives to one of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// The resource's name in the template.
    pub logical_id: String,
    /// Its type.
    pub resource_type: String,
    /// Its name in its service.
    pub physical_id: String,
    /// Whether the template would leave it where it is when its stack goes. Only then CloudFormation imports it
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html>).
    pub retained: bool,
}

/// What of this template is there already, and isn't in the stack of this name: that may be on its way while a stale read
/// shows it without resources. Who may not look is told by CloudFormation.
///
/// # Errors
/// When AWS can't be asked.
pub async fn find(cloud: &Cloud, stack: &str, body: &str) -> Result<Vec<Existing>, CloudError> {
    let found = named(cloud, body).await?;
    if found.is_empty() {
        return Ok(found);
    }
    let own = match cloud.stack_resources(stack).await {
        Err(error) if error.is("ValidationError") => Vec::new(),
        own => own?,
    };
    // Queues have URLs of several forms; they end in the name.
    let name = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
    let is_own = |existing: &Existing| {
        own.iter().any(|resource| {
            resource.resource_type == existing.resource_type
                && name(&resource.physical_id) == name(&existing.physical_id)
        })
    };
    Ok(found.into_iter().filter(|existing| !is_own(existing)).collect())
}

/// Everything that is there under a name of the template's.
async fn named(cloud: &Cloud, body: &str) -> Result<Vec<Existing>, CloudError> {
    let template = template::read(body).unwrap_or_default();
    let mut found = Vec::new();
    for (id, resource) in template::section(&template, "Resources") {
        let resource_type = resource["Type"].as_str().unwrap_or_default();
        let name = |property: &str| resource["Properties"][property].as_str();
        let physical_id = match (resource_type, name("BucketName"), name("QueueName")) {
            ("AWS::S3::Bucket", Some(bucket), _) => cloud.has_bucket(bucket).await?.then(|| bucket.to_owned()),
            ("AWS::SQS::Queue", _, Some(queue)) => match cloud.queue_url(queue).await {
                Err(error) if error.is_denied() => None,
                url => url?,
            },
            _ => None,
        };
        found.extend(physical_id.map(|physical_id| Existing {
            logical_id: id.clone(),
            resource_type: resource_type.to_owned(),
            physical_id,
            retained: template::retains(resource),
        }));
    }
    Ok(found)
}

/// Why a stack can't be made beside what is there, if it can't.
pub fn refusal(part: &str, region: &str, found: &[Existing]) -> Option<String> {
    let unretained: Vec<&Existing> = found.iter().filter(|existing| !existing.retained).collect();
    if unretained.is_empty() {
        return None;
    }
    let names: Vec<&str> = unretained
        .iter()
        .map(|existing| existing.physical_id.as_str())
        .collect();
    let delete = unretained.iter().map(|existing| match existing.resource_type.as_str() {
        "AWS::S3::Bucket" => format!("aws s3 rb --force s3://{} --region {region}", existing.physical_id),
        _ => format!(
            "aws sqs delete-queue --queue-url {} --region {region}",
            existing.physical_id
        ),
    });
    let delete: Vec<String> = delete.collect();
    let (are, them, needs) = match unretained.len() {
        1 => ("is", "it", "needs it"),
        _ => ("are", "them", "needs them"),
    };
    let take_in = match part {
        // Its bucket always goes with the environment.
        "artifacts" => String::new(),
        _ => format!("set `on_destroy: keep` in the file to take {them} into the stack, or "),
    };
    Some(format!(
        "{} {are} there already, without a stack. CloudFormation takes in only what is to stay: {take_in}delete {them} if \
         nobody {needs}: {}",
        names.join(", "),
        delete.join("; ")
    ))
}

/// As changes of a plan that CloudFormation can't be asked about yet.
pub fn mark(changes: &mut [Change], found: &[Existing]) {
    for change in changes {
        if let Some(existing) = found.iter().find(|existing| existing.logical_id == change.logical_id) {
            change.action = Action::Import;
            change.physical_id = Some(existing.physical_id.clone());
        }
    }
}

/// Whether a plan shows that something is taken in.
pub fn shown(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.action == Action::Import)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing(resource_type: &str, name: &str, retained: bool) -> Existing {
        Existing {
            logical_id: "It".into(),
            resource_type: resource_type.into(),
            physical_id: name.into(),
            retained,
        }
    }

    #[test]
    fn only_what_would_be_deleted_with_its_stack_is_refused_with_a_way_out() {
        assert_eq!(refusal("intake", "us-east-2", &[]), None);
        assert_eq!(
            refusal("intake", "us-east-2", &[existing("AWS::S3::Bucket", "kept", true)]),
            None
        );
        let why = refusal("intake", "us-east-2", &[existing("AWS::S3::Bucket", "files", false)]).unwrap_or_default();
        assert!(
            why.contains("on_destroy: keep") && why.contains("s3 rb --force s3://files"),
            "{why}"
        );
        let why = refusal(
            "artifacts",
            "us-east-2",
            &[existing("AWS::S3::Bucket", "programs", false)],
        )
        .unwrap_or_default();
        assert!(!why.contains("on_destroy") && why.contains("s3://programs"), "{why}");
        let why = refusal(
            "work",
            "us-east-2",
            &[
                existing("AWS::SQS::Queue", "https://q", false),
                existing("AWS::SQS::Queue", "https://d", false),
            ],
        )
        .unwrap_or_default();
        assert!(why.starts_with("https://q, https://d are there already"), "{why}");
        for queue in ["q", "d"] {
            let delete = format!("delete-queue --queue-url https://{queue} --region us-east-2");
            assert!(why.contains(&delete), "{why}");
        }
    }
}
