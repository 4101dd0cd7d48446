//! Buckets and queues that outlive their stacks, and how another one takes them in: by `ImportExistingResources`.

use super::diff::Change;
use super::query::Refusal;
use super::services::Plain;
use super::state::{Definition, Stack};
use super::template::as_text;
use super::world::World;

/// Types of which the test's stacks hold data, and the property that names them.
const NAMED: [(&str, &str); 2] = [("AWS::S3::Bucket", "BucketName"), ("AWS::SQS::Queue", "QueueName")];

impl World {
    /// A resource leaves its stack and stays where it is.
    pub fn outlives(&mut self, stack: usize, id: &str) {
        let Some(resource) = self.stacks[stack].resource_mut(id) else {
            return;
        };
        let (kind, physical_id) = (resource.kind.clone(), resource.physical_id.take());
        if let Some(physical_id) = &physical_id {
            self.ended.insert((stack, id.to_owned()), physical_id.clone());
        }
        if NAMED.iter().any(|(named, _)| *named == kind) {
            self.kept.extend(physical_id);
        }
    }

    /// The resource of this name and type that is there without a stack: what would be in the way, or is taken in.
    /// "ImportExistingResources … resources that have custom names": literal ones
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>).
    pub fn in_the_way(&self, kind: &str, properties: &serde_json::Value) -> Option<String> {
        let (_, property) = NAMED.iter().find(|(named, _)| *named == kind)?;
        let name = properties[*property].as_str()?;
        let found = self.kept.iter().find(|kept| kept.rsplit('/').next() == Some(name));
        found.cloned()
    }

    /// Turns additions of what is there already into imports.
    ///
    /// # Errors
    /// Why the change set fails: what is imported must be retained.
    pub fn take_in(&self, changes: &mut [Change], wanted: &Definition) -> Result<(), String> {
        let Some(template) = &wanted.template else {
            return Ok(());
        };
        let mut unretained = Vec::new();
        for change in changes.iter_mut().filter(|change| change.action == "Add") {
            let declared = &template.tree["Resources"][&change.id];
            let Some(found) = self.in_the_way(&change.kind, &declared["Properties"]) else {
                continue;
            };
            let policy = declared["DeletionPolicy"].as_str();
            if !matches!(policy, Some("Retain" | "RetainExceptOnCreate")) {
                unretained.push(change.id.clone());
            }
            change.action = "Import";
            // As seen in https://github.com/aws/aws-cdk-cli/pull/447.
            change.replacement = Some("True");
            change.physical_id = Some(found);
        }
        if unretained.is_empty() {
            return Ok(());
        }
        Err(format!(
            "CloudFormation is attempting to import some resources because they already exist in your account. The \
             resources must have the DeletionPolicy attribute set to 'Retain' or 'RetainExceptOnCreate' in the template \
             for successful import. The affected resources are {}",
            unretained.join(", ")
        ))
    }

    /// What a resource that is made collides with, in its service's words.
    pub fn why_not_made(&self, stack: usize, id: &str) -> Option<String> {
        let operation = self.stacks[stack].operation.as_ref()?;
        if operation.imports.contains(id) {
            return None;
        }
        let declared = &operation.wanted.template.as_ref()?.tree["Resources"][id];
        let found = self.in_the_way(&as_text(&declared["Type"]), &declared["Properties"])?;
        Some(format!(
            "{found} already exists (Service: null, HandlerErrorCode: AlreadyExists)"
        ))
    }

    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html>
    pub fn get_queue_url(&self, name: &str) -> Result<Plain, Refusal> {
        let of_stacks = self.stacks.iter().filter(|stack| stack.is_there()).flat_map(queues);
        let mut all = of_stacks.chain(&self.kept);
        let found = all.find(|url| url.starts_with("https://sqs.") && url.rsplit('/').next() == Some(name));
        match found {
            Some(url) => Ok(Plain::ok(
                "application/x-amz-json-1.0",
                serde_json::json!({"QueueUrl": url}).to_string(),
            )),
            None => Err(Refusal::new(
                400,
                "QueueDoesNotExist",
                "The specified queue does not exist.",
            )),
        }
    }
}

fn queues(stack: &Stack) -> impl Iterator<Item = &String> {
    let queues = stack.resources.iter().filter(|one| one.kind == "AWS::SQS::Queue");
    queues.filter_map(|queue| queue.physical_id.as_ref())
}
