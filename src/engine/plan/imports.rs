//! Data that was kept when its stack went, and that a new stack takes in as it is.

use serde_json::Value;

use crate::blueprint::resource_schema::{self, Import};
use crate::blueprint::template;
use crate::cloud::cloudformation::change_set::{Action, Change, ResourceToImport};
use crate::cloud::cloudformation::holder::Holder;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::cloud::{AwsCli, Cloud, CloudError};
use crate::error::Error;

/// A bucket, a table or a queue that is there, and not in its stack, under a name that a template gives to one of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// The resource's name in the template.
    pub logical_id: String,
    pub resource_type: String,
    /// Its name in its service.
    pub physical_id: String,
    /// Whether the template would leave it where it is when its stack goes. Only then CloudFormation imports it
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html>).
    pub retained: bool,
    /// Who has it. Only what is in no stack is taken in.
    pub holder: Holder,
}

/// How a change set takes in what is there.
#[derive(Debug, Clone, Copy)]
pub enum TakeIn<'a> {
    Nothing,
    /// CloudFormation finds it by itself, while it makes the rest (`ImportExistingResources`).
    WithTheRest(&'a [Existing]),
    /// Named one by one, in an import before everything else: CloudFormation finds no resource by itself that is identified
    /// by what its template can't say, such as a queue by its URL. What can't be imported is made around it afterwards: a
    /// queue's policy is put in place of the one it has, and its subscription went with the topic.
    First(&'a [Existing]),
}

impl<'a> TakeIn<'a> {
    /// What AWS's resource schemas allow.
    pub fn of(found: &'a [Existing]) -> TakeIn<'a> {
        let by_itself = |existing: &Existing| existing.import() == Import::Automatic;
        match found {
            [] => TakeIn::Nothing,
            found if found.iter().all(by_itself) => TakeIn::WithTheRest(found),
            found => TakeIn::First(found),
        }
    }

    /// Refuses a change set that does otherwise: what it makes instead of taking it in fails, or isn't what was kept.
    pub(in crate::engine) fn verify(self, stack: &str, changes: &[Change]) -> Result<(), Error> {
        let (found, alone) = match self {
            TakeIn::Nothing => return Ok(()),
            TakeIn::WithTheRest(found) => (found, false),
            TakeIn::First(found) => (found, true),
        };
        let does = |existing: &Existing| changes.iter().find(|change| change.logical_id == existing.logical_id);
        let imports = |change: &Change| change.action == Action::Import;
        let left = found.iter().find(|existing| !does(existing).is_some_and(imports));
        let why = match left {
            Some(left) => format!("would not take in {} ({})", left.physical_id, left.logical_id),
            None if alone && !changes.iter().all(imports) => "would do more than take in what was kept".to_owned(),
            None => return Ok(()),
        };
        Err(Error::refused(format!(
            "{stack}: CloudFormation {why}; nothing was done to it"
        )))
    }
}

impl Existing {
    fn import(&self) -> Import {
        resource_schema::of(&self.resource_type).map_or(Import::Never, |schema| schema.import())
    }

    /// Whether it is in a stack of this name after all.
    pub fn is_held_by(&self, stack: &str) -> bool {
        matches!(&self.holder, Holder::Stack { name, .. } if name == stack)
    }

    /// As an import names it.
    pub(in crate::engine) fn named(&self) -> ResourceToImport {
        let schema = resource_schema::of(&self.resource_type);
        // Buckets, tables and queues are identified by one property.
        let property = schema.and_then(|schema| schema.primary_identifier.first());
        ResourceToImport {
            logical_id: self.logical_id.clone(),
            resource_type: self.resource_type.clone(),
            identifier: (property.cloned().unwrap_or_default(), self.physical_id.clone()),
        }
    }
}

/// What of this template is there already, and isn't in the stack of this name: that may be on its way while a stale read
/// shows it without resources. Of what is `deployed` already nothing is looked up. Without the permission to look nothing is
/// found, and CloudFormation says what is in the way.
///
/// # Errors
/// When AWS can't be asked.
pub async fn find(cloud: &Cloud, stack: &str, body: &str, deployed: Option<&str>) -> Result<Vec<Existing>, CloudError> {
    let found = named(cloud, body, deployed).await?;
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
    let mut others: Vec<Existing> = found.into_iter().filter(|existing| !is_own(existing)).collect();
    for existing in &mut others {
        existing.holder = cloud.holder(&existing.resource_type, &existing.physical_id).await;
    }
    Ok(others)
}

/// Everything that is there under a name in the template.
async fn named(cloud: &Cloud, body: &str, deployed: Option<&str>) -> Result<Vec<Existing>, CloudError> {
    let template = template::read(body).unwrap_or_default();
    let deployed = deployed.and_then(|deployed| template::read(deployed).ok());
    let known = deployed.unwrap_or_default();
    let is_new = |id: &String| !template::section(&known, "Resources").any(|(known, _)| known == id);
    let mut found = Vec::new();
    // Whether something with a `Condition` is to be made at all isn't known here: CloudFormation says what is in its way.
    let is_certain = |resource: &Value| resource["Condition"].is_null();
    let resources = template::section(&template, "Resources");
    for (id, resource) in resources.filter(|(id, resource)| is_new(id) && is_certain(resource)) {
        let resource_type = resource["Type"].as_str().unwrap_or_default();
        let name = |property: &str| resource["Properties"][property].as_str();
        let is_denied = |error: &CloudError| error.is_denied();
        let physical_id = match (resource_type, name("BucketName"), name("QueueName"), name("TableName")) {
            ("AWS::S3::Bucket", Some(bucket), ..) => cloud.has_bucket(bucket).await?.then(|| bucket.to_owned()),
            ("AWS::SQS::Queue", _, Some(queue), _) => match cloud.queue_url(queue).await {
                Err(error) if is_denied(&error) => None,
                url => url?,
            },
            ("AWS::DynamoDB::Table", .., Some(table)) => match cloud.table_status(table).await {
                Err(error) if is_denied(&error) => None,
                status => status?.map(|_| table.to_owned()),
            },
            _ => None,
        };
        found.extend(physical_id.map(|physical_id| Existing {
            logical_id: id.clone(),
            resource_type: resource_type.to_owned(),
            physical_id,
            retained: template::retains(resource),
            holder: Holder::Nobody,
        }));
    }
    Ok(found)
}

/// Whether a stack that is there can take in something
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>).
pub(super) fn is_possible(status: &StackStatus) -> bool {
    use StackStatus::*;
    matches!(
        status,
        CreateComplete | UpdateComplete | UpdateRollbackComplete | ImportComplete | ImportRollbackComplete
    )
}

/// Whether CloudFormation refuses an import for what else would change with it: "You have modified resources [Group] in your
/// template that are not being imported. Update, create or delete operations cannot be executed during import operations."
pub(super) fn changes_more(error: &Error) -> bool {
    error.to_string().contains("during import operations")
}

/// Why a stack can't be made beside what is there, if it can't.
///
/// `own_template`: its template is the user's. `cli`: goes to the same place.
pub fn refusal(part: &str, own_template: bool, cli: &AwsCli, found: &[Existing]) -> Option<String> {
    let held = found.iter().filter_map(|existing| match &existing.holder {
        Holder::Stack { name, .. } => Some(format!("{} is in the stack {name}", existing.physical_id)),
        _ => None,
    });
    let held: Vec<String> = held.collect();
    // What a user's template names need not follow from the environment's name.
    let rename = match own_template {
        true => "give what has that name in the template another one",
        false => "give this environment another `name`",
    };
    if !held.is_empty() {
        return Some(format!(
            "{} already, and nothing is taken out of another stack: {rename}",
            held.join(", ")
        ));
    }
    let unretained: Vec<&Existing> = found.iter().filter(|existing| !existing.retained).collect();
    if unretained.is_empty() {
        return None;
    }
    let names: Vec<&str> = unretained
        .iter()
        .map(|existing| existing.physical_id.as_str())
        .collect();
    let not_known = unretained.iter().find_map(|existing| match &existing.holder {
        Holder::Unknown(why) => Some(why),
        _ => None,
    });
    if let Some(why) = not_known {
        return Some(format!(
            "{} {} there already, and whether a stack holds {} can't be known: {why}. Run this again with the permission \
             cloudformation:DescribeStackResources, or {rename}",
            names.join(", "),
            if names.len() == 1 { "is" } else { "are" },
            if names.len() == 1 { "it" } else { "them" },
        ));
    }
    let delete = unretained.iter().map(|existing| match existing.resource_type.as_str() {
        "AWS::S3::Bucket" => cli.command(&format!("s3 rb --force s3://{}", existing.physical_id)),
        "AWS::DynamoDB::Table" => cli.command(&format!("dynamodb delete-table --table-name {}", existing.physical_id)),
        _ => cli.command(&format!("sqs delete-queue --queue-url {}", existing.physical_id)),
    });
    let delete: Vec<String> = delete.collect();
    let (are, them, needs) = match unretained.len() {
        1 => ("is", "it", "needs it"),
        _ => ("are", "them", "needs them"),
    };
    let take_in = match part {
        // Its bucket always goes with the environment.
        "artifacts" => String::new(),
        _ if own_template => {
            format!("give {them} `DeletionPolicy: Retain` in the template to take {them} into the stack, or ")
        }
        _ => format!("set `on_destroy: keep` in the file to take {them} into the stack, or "),
    };
    Some(format!(
        "{} {are} there already, without a stack. CloudFormation takes in only what is to stay: {take_in}delete {them} if \
         nobody {needs}: {}",
        names.join(", "),
        delete.join("; ")
    ))
}

/// Shows as imports what is there, in a plan that CloudFormation can't be asked about yet.
pub fn mark(changes: &mut [Change], found: &[Existing]) {
    for change in changes {
        if let Some(existing) = found.iter().find(|existing| existing.logical_id == change.logical_id) {
            change.action = Action::Import;
            change.physical_id = Some(existing.physical_id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::Replacement;

    fn existing(resource_type: &str, name: &str, retained: bool) -> Existing {
        Existing {
            logical_id: "It".into(),
            resource_type: resource_type.into(),
            physical_id: name.into(),
            retained,
            holder: Holder::Nobody,
        }
    }

    #[test]
    fn only_what_would_be_deleted_with_its_stack_is_refused_with_a_way_out() {
        let refusal = |part: &str, region: &str, found: &[Existing]| refusal(part, false, &AwsCli::new(region), found);
        let table = [existing("AWS::DynamoDB::Table", "books", false)];
        let of_own = super::refusal("db", true, &AwsCli::new("us-east-2"), &table).unwrap_or_default();
        assert!(
            of_own.contains("`DeletionPolicy: Retain`") && !of_own.contains("on_destroy"),
            "{of_own}"
        );
        let held = [Existing {
            holder: Holder::Stack {
                name: "pics-shrink".into(),
                id: "arn".into(),
            },
            ..existing("AWS::SQS::Queue", "https://q/pics-shrink", false)
        }];
        let of_own = super::refusal("db", true, &AwsCli::new("us-east-2"), &held).unwrap_or_default();
        assert!(
            of_own.ends_with("give what has that name in the template another one"),
            "{of_own}"
        );
        let of_ours = refusal("shrink", "us-east-2", &held).unwrap_or_default();
        assert!(of_ours.ends_with("give this environment another `name`"), "{of_ours}");
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
            "results",
            "us-east-2",
            &[existing("AWS::DynamoDB::Table", "lab-results", false)],
        )
        .unwrap_or_default();
        let delete = "aws dynamodb delete-table --table-name lab-results --region us-east-2";
        assert!(why.contains("on_destroy: keep") && why.contains(delete), "{why}");
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

    #[test]
    fn a_change_set_that_takes_in_something_else_is_refused() {
        let queue = existing("AWS::SQS::Queue", "https://q", true);
        let bucket = existing("AWS::S3::Bucket", "files", true);
        let table = existing("AWS::DynamoDB::Table", "lab-results", true);
        let change = |logical_id: &str, action: Action| Change {
            action,
            logical_id: logical_id.into(),
            resource_type: String::new(),
            physical_id: None,
            replacement: Replacement::No,
            disposal: None,
            properties: Vec::new(),
        };
        let (import, add) = (change("It", Action::Import), change("It", Action::Add));
        let rest = change("Other", Action::Add);
        for (found, changes, why) in [
            (&queue, vec![&import], None),
            (&queue, vec![&import, &rest], Some("would do more")),
            (&queue, vec![&add], Some("would not take in https://q")),
            (&bucket, vec![&import, &rest], None),
            (&bucket, vec![&add, &rest], Some("would not take in files")),
            (&bucket, vec![], Some("would not take in files")),
            // CloudFormation finds a table by its name, as it does a bucket.
            (&table, vec![&import], None),
            (&table, vec![&add], Some("would not take in lab-results")),
        ] {
            let found = [found.clone()];
            let changes: Vec<Change> = changes.into_iter().cloned().collect();
            let verified = TakeIn::of(&found).verify("lab-work", &changes);
            let refused = verified.err().map(|error| error.to_string());
            match why {
                None => assert_eq!(refused, None),
                Some(why) => assert!(
                    refused.as_deref().is_some_and(|refused| refused.contains(why)),
                    "{refused:?}"
                ),
            }
        }
        assert_eq!(queue.named().identifier, ("QueueUrl".into(), "https://q".into()));
    }
}
