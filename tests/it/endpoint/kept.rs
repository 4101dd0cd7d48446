//! Buckets and queues that outlive their stacks, and how a create or an update takes them in by itself:
//! `ImportExistingResources`.

use qfleet::blueprint::resource_schema::{self, Import};
use serde_json::Value;

use super::diff::Change;
use super::query::Refusal;
use super::services::Plain;
use super::state::{Definition, Stack};
use super::template::as_text;
use super::world::World;

impl World {
    /// A resource leaves its stack and stays where it is.
    pub fn outlives(&mut self, stack: usize, id: &str) {
        let Some(resource) = self.stacks[stack].resource_mut(id) else {
            return;
        };
        let (kind, physical_id) = (resource.kind.clone(), resource.physical_id.take());
        if let Some(physical_id) = physical_id {
            self.ended.insert((stack, id.to_owned()), physical_id.clone());
            self.kept.insert(physical_id, kind);
        }
    }

    /// The resource of this type and literal name that is there without a stack.
    fn in_the_way(&self, kind: &str, properties: &Value) -> Option<String> {
        let name = name(kind, properties)?;
        let mut found = self.kept.iter().filter(|(_, known)| *known == kind);
        let found = found.find(|(kept, _)| kept.rsplit(['/', ':']).next() == Some(name));
        found.map(|(physical_id, _)| physical_id.clone())
    }

    /// Turns additions of what is there already into imports, as far as CloudFormation does that by itself: "Primary IDs
    /// with read only properties aren't supported", and what identifies a resource must be written in the template
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html>,
    /// <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2375>).
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
            let schema = resource_schema::of(&change.kind);
            let is_literal = |property: &String| declared["Properties"][property].is_string();
            let by_itself = schema.filter(|schema| {
                schema.import() == Import::Automatic && schema.primary_identifier.iter().all(is_literal)
            });
            let found = by_itself.and_then(|_| self.in_the_way(&change.kind, &declared["Properties"]));
            let Some(found) = found else {
                continue;
            };
            let policy = declared["DeletionPolicy"].as_str();
            if !matches!(policy, Some("Retain" | "RetainExceptOnCreate")) {
                unretained.push(change.id.clone());
            }
            change.imports(found);
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

    /// What a resource that is made collides with, in its handler's words.
    pub fn why_not_made(&self, stack: usize, id: &str) -> Option<String> {
        let operation = self.stacks[stack].operation.as_ref()?;
        if operation.imports.contains_key(id) {
            return None;
        }
        let declared = &operation.wanted.template.as_ref()?.tree["Resources"][id];
        let kind = as_text(&declared["Type"]);
        let found = self.in_the_way(&kind, &declared["Properties"])?;
        Some(format!(
            "Resource of type '{kind}' with identifier '{found}' already exists. (HandlerErrorCode: AlreadyExists)"
        ))
    }

    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html>
    pub fn get_queue_url(&self, name: &str) -> Result<Plain, Refusal> {
        let of_stacks = self.stacks.iter().filter(|stack| stack.is_there()).flat_map(queues);
        let mut all = of_stacks.chain(self.kept.keys());
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

impl Change {
    /// It takes in what is there. Of an import it says that it's replaced, as seen in
    /// https://github.com/aws/aws-cdk-cli/pull/447 and https://github.com/aws-cloudformation/rain/pull/646.
    pub fn imports(&mut self, physical_id: String) {
        self.action = "Import";
        self.replacement = Some("True");
        self.physical_id = Some(physical_id);
    }
}

/// The name that a template gives to a resource. The property is called after its type: QueueName, RoleName.
pub fn name<'a>(kind: &str, properties: &'a Value) -> Option<&'a str> {
    let of_type = kind.rsplit("::").next()?;
    properties[format!("{of_type}Name")].as_str()
}

fn queues(stack: &Stack) -> impl Iterator<Item = &String> {
    let queues = stack.resources.iter().filter(|one| one.kind == "AWS::SQS::Queue");
    queues.filter_map(|queue| queue.physical_id.as_ref())
}
