//! What holds data in an environment: its buckets, tables and queues, and whether they go with it.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::DeployedStack;
use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::cloud::cloudformation::stacks::StackResource;
use crate::cloud::{Cloud, CloudError};
use crate::environment::OnDestroy;

/// A resource with data in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The name of the stack that it belongs to.
    pub stack: String,
    /// What the template calls it.
    pub logical_id: String,
    pub kind: Kind,
    /// The name of the bucket or the table, or the queue's URL.
    pub name: String,
    /// Whether it stays when its stack is deleted.
    pub kept: bool,
    /// Whether a snapshot of it stays.
    pub snapshot: bool,
}

impl Holding {
    /// Whether it takes what no worker could process, or replies that are nobody's.
    pub fn is_dead_letter_queue(&self) -> bool {
        self.kind == Kind::Queue && DEAD_LETTER_QUEUES.contains(&self.logical_id.as_str())
    }
}

/// What the templates call dead-letter queues (`templates/stage/queue.yaml.j2`, `replies.yaml.j2`).
const DEAD_LETTER_QUEUES: [&str; 2] = ["DeadLetterQueue", "ReplyDeadLetterQueue"];

/// What can hold data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bucket: emptied before it can be deleted.
    Bucket,
    /// A queue: deleted with what is in it.
    Queue,
    /// A table: the same.
    Table,
    /// Something else of this type, which only templates of users have. Nobody looks into it.
    Other(&'static str),
}

/// Types of those. There are more than these: what isn't named here goes without a word.
const OTHERS: [&str; 34] = [
    "AWS::AmazonMQ::Broker",
    "AWS::Backup::BackupVault",
    "AWS::Cassandra::Table",
    // What is in one can't be seen from outside.
    "AWS::CloudFormation::Stack",
    "AWS::Cognito::UserPool",
    "AWS::DSQL::Cluster",
    "AWS::DocDB::DBCluster",
    "AWS::DynamoDB::GlobalTable",
    // Its root volume.
    "AWS::EC2::Instance",
    "AWS::EC2::Volume",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Elasticsearch::Domain",
    "AWS::FSx::FileSystem",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::Logs::LogGroup",
    "AWS::MSK::Cluster",
    "AWS::MemoryDB::Cluster",
    "AWS::Neptune::DBCluster",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
    "AWS::RedshiftServerless::Namespace",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::TableBucket",
    "AWS::SecretsManager::Secret",
    "AWS::Timestream::InfluxDBInstance",
    "AWS::Timestream::Table",
];

/// Whether resources of a type hold data: what they are replaced by is empty. Of qfleet's own templates only buckets, queues
/// and tables count: what its functions log may go with them.
pub fn holds_data(resource_type: &str, own_template: bool) -> bool {
    Kind::of(resource_type, own_template).is_some()
}

impl Kind {
    /// By CloudFormation's name of the type; none when it holds no data. `own_template`: it is in a template of the user's.
    fn of(resource_type: &str, own_template: bool) -> Option<Kind> {
        let others = OTHERS.into_iter().filter(|_| own_template).map(Kind::Other);
        [Kind::Bucket, Kind::Queue, Kind::Table]
            .into_iter()
            .chain(others)
            .find(|kind| kind.resource_type() == resource_type)
    }

    /// CloudFormation's name of the type.
    pub fn resource_type(self) -> &'static str {
        match self {
            Kind::Bucket => "AWS::S3::Bucket",
            Kind::Queue => "AWS::SQS::Queue",
            Kind::Table => "AWS::DynamoDB::Table",
            Kind::Other(resource_type) => resource_type,
        }
    }
}

/// The buckets, queues and tables of these stacks, in their order.
///
/// # Errors
/// When the resources of a stack can't be listed.
pub async fn holdings(cloud: &Cloud, stacks: &[DeployedStack]) -> Result<Vec<Holding>, CloudError> {
    let of_stacks = stacks.iter().map(async |stack| {
        let resources = cloud.stack_resources(&stack.stack.id).await?;
        let unmade = unmade(cloud, &stack.stack.id, &resources).await?;
        Ok::<_, CloudError>(of_stack(stack, &resources, &unmade))
    });
    Ok(try_join_all(of_stacks).await?.into_iter().flatten().collect())
}

/// Those of them that are a stack's. What could not be made has no name, or is among the `unmade`.
pub fn of_stack(stack: &DeployedStack, resources: &[StackResource], unmade: &BTreeSet<String>) -> Vec<Holding> {
    let made = resources
        .iter()
        .filter(|resource| !resource.physical_id.is_empty() && !unmade.contains(&resource.physical_id));
    let holding = |resource: &StackResource| {
        Some(Holding {
            stack: stack.stack.name.clone(),
            kind: Kind::of(&resource.resource_type, stack.tags.own_template)?,
            logical_id: resource.logical_id.clone(),
            name: resource.physical_id.clone(),
            kept: match disposal(stack, resource) {
                Some(disposal) => disposal == Disposal::Kept,
                None => stack.tags.on_destroy == OnDestroy::Keep,
            },
            snapshot: disposal(stack, resource) == Some(Disposal::Snapshot),
        })
    };
    made.filter_map(holding).collect()
}

/// What the user's template says of it. Nothing is emptied of which it says nothing.
fn disposal(stack: &DeployedStack, resource: &StackResource) -> Option<Disposal> {
    let disposals = stack.disposals.as_ref()?;
    Some(disposals.get(&resource.logical_id).copied().unwrap_or(Disposal::Kept))
}

/// The names of buckets, queues and tables that a stack failed to create: they may have been there before, and be anybody's.
/// When deleting one fails as well, only the stack's events still tell that it was never made.
///
/// # Errors
/// When AWS can't be asked.
pub async fn unmade(cloud: &Cloud, stack: &str, resources: &[StackResource]) -> Result<BTreeSet<String>, CloudError> {
    let with_data = || {
        let named = resources.iter().filter(|resource| !resource.physical_id.is_empty());
        named.filter(|resource| Kind::of(&resource.resource_type, true).is_some())
    };
    let events = match with_data().any(|resource| resource.status == DELETE_FAILED) {
        true => cloud.events_after(stack, None).await?,
        false => Vec::new(),
    };
    let unmade = with_data().filter(|resource| match resource.status.as_str() {
        CREATE_FAILED => true,
        DELETE_FAILED => never_made(resource, &events),
        _ => false,
    });
    Ok(unmade.map(|resource| resource.physical_id.clone()).collect())
}

const CREATE_FAILED: &str = "CREATE_FAILED";
const DELETE_FAILED: &str = "DELETE_FAILED";

fn never_made(resource: &StackResource, events: &[ResourceEvent]) -> bool {
    let statuses = || {
        let of_resource = events
            .iter()
            .filter(|event| event.logical_id == resource.logical_id && event.physical_id == resource.physical_id);
        of_resource.map(|event| event.status.as_str())
    };
    let is_made = |status: &str| status.ends_with("_COMPLETE") && status != "DELETE_COMPLETE";
    statuses().any(|status| status == CREATE_FAILED) && !statuses().any(is_made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_once_is_the_stacks_though_an_attempt_failed() {
        let bucket = StackResource {
            logical_id: "Bucket".into(),
            resource_type: Kind::Bucket.resource_type().into(),
            physical_id: "files".into(),
            status: DELETE_FAILED.into(),
            reason: None,
        };
        let never = |events: &[(&str, &str, &str)]| {
            let event = |(logical_id, physical_id, status): &(&str, &str, &str)| ResourceEvent {
                id: String::new(),
                operation_id: None,
                token: None,
                at: None,
                logical_id: (*logical_id).into(),
                physical_id: (*physical_id).into(),
                resource_type: bucket.resource_type.clone(),
                status: (*status).into(),
                reason: None,
                is_stack: false,
            };
            never_made(&bucket, &events.iter().map(event).collect::<Vec<_>>())
        };
        let failed = ("Bucket", "files", CREATE_FAILED);
        assert!(never(&[failed]));
        assert!(never(&[failed, ("Bucket", "files", "DELETE_COMPLETE")]));
        assert!(never(&[failed, ("Other", "files", "CREATE_COMPLETE")]));
        assert!(!never(&[failed, ("Bucket", "files", "CREATE_COMPLETE")]));
        assert!(!never(&[failed, ("Bucket", "files", "IMPORT_COMPLETE")]));
        assert!(!never(&[("Bucket", "other", CREATE_FAILED)]));
        assert!(!never(&[]));
    }
}
