//! What AWS's own schemas say of a type of resource: what identifies one, what can't be changed, what can be imported. The
//! schemas come with cfn-lint; `tests/resource_schemas.py` writes out what is needed of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// A type's schema. Properties are paths without `/properties/`: `QueueName`, `DnsOptions/PrivateDnsPreference`; `*` stands
/// for any entry of a list
/// (<https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceSchema {
    /// Which properties, together, identify a resource.
    pub primary_identifier: Vec<String>,
    /// Known only once the resource is made, and never written in a template.
    #[serde(default)]
    pub read_only_properties: Vec<String>,
    /// A resource is made anew when one of these changes.
    #[serde(default)]
    create_only_properties: Vec<String>,
    /// A resource is made anew when one of these changes under conditions that the type's page tells.
    #[serde(default)]
    conditional_create_only_properties: Vec<String>,
    /// What some properties may be.
    #[serde(default)]
    values: BTreeMap<String, Vec<String>>,
    /// What CloudFormation can do with a resource of this type: `create`, `read`, `update`, `delete`, `list`. Each but the last
    /// with the IAM actions that its caller must be allowed, for whatever property of the type
    /// (<https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers>).
    #[serde(default)]
    pub handlers: BTreeMap<String, Vec<String>>,
}

/// Whether a resource is made anew when a property changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recreation {
    /// It is changed in place.
    Never,
    /// That depends on how it is changed.
    Conditionally,
    Always,
}

/// How CloudFormation takes in a resource that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// By itself (`ImportExistingResources`), as the template names what identifies it.
    Automatic,
    /// By `ResourcesToImport`, where the request names what identifies it.
    Named,
    Never,
}

/// The schema of a type, if it is one of those that qfleet's templates use.
pub fn of(resource_type: &str) -> Option<&'static ResourceSchema> {
    all().get(resource_type)
}

/// What a change at this path, such as `VpcId` or `Tags/0/Key`, does to a resource of this type; none of a type that isn't
/// known here. A group is made anew on a condition, an AutoScalingReplacingUpdate; those of qfleet's templates have an
/// AutoScalingRollingUpdate
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>).
pub fn recreation(resource_type: &str, path: &str) -> Option<Recreation> {
    const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
    Some(match of(resource_type)?.recreation(path) {
        Recreation::Conditionally if resource_type == GROUP => Recreation::Never,
        recreation => recreation,
    })
}

fn all() -> &'static BTreeMap<String, ResourceSchema> {
    #[derive(Deserialize)]
    struct File {
        types: BTreeMap<String, ResourceSchema>,
    }
    static ALL: OnceLock<BTreeMap<String, ResourceSchema>> = OnceLock::new();
    ALL.get_or_init(|| {
        // A test reads it: what is compiled in can be read.
        let file: Result<File, _> = serde_json::from_str(include_str!("resource_schemas.json"));
        file.map(|file| file.types).unwrap_or_default()
    })
}

impl ResourceSchema {
    /// What the schema alone says of a change at this path.
    pub fn recreation(&self, path: &str) -> Recreation {
        let depth = |path: &str| path.split('/').count();
        let mut fixed = self
            .create_only_properties
            .iter()
            .filter(|known| touch(known, path))
            .peekable();
        let conditional = &self.conditional_create_only_properties;
        if fixed.peek().is_none() && !conditional.iter().any(|known| touch(known, path)) {
            Recreation::Never
        // When only a part of a whole can't be changed, nothing says which part changes.
        } else if fixed.any(|known| depth(known) <= depth(path)) {
            Recreation::Always
        } else {
            Recreation::Conditionally
        }
    }

    /// How one that is there is taken in. CloudFormation reads it, so that a type without such a handler is refused:
    /// "ResourceTypes [AWS::SQS::QueuePolicy] are not supported for Import". Automatically it imports only by what a
    /// template can say: "Primary IDs with read only properties aren't supported"
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html>).
    pub fn import(&self) -> Import {
        let is_read_only = |property| self.read_only_properties.contains(property);
        if !self.handlers.contains_key("read") {
            Import::Never
        } else if self.primary_identifier.iter().any(is_read_only) {
            Import::Named
        } else {
            Import::Automatic
        }
    }
}

/// What a property may be, for those of which it was asked.
pub fn values(resource_type: &str, property: &str) -> &'static [String] {
    let schema = of(resource_type);
    let values = schema.and_then(|schema| schema.values.get(property));
    values.map_or(&[], Vec::as_slice)
}

/// Whether one of these paths is in the other.
fn touch(known: &str, path: &str) -> bool {
    let mut pairs = known.split('/').zip(path.split('/'));
    pairs.all(|(known, part)| known == part || known == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(resource_type: &str) -> &'static ResourceSchema {
        of(resource_type).unwrap_or_else(|| panic!("{resource_type}"))
    }

    #[test]
    fn every_type_of_every_template_is_known() {
        let templates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let folders = [templates.clone(), templates.join("stage"), templates.join("partials")];
        let files = folders
            .into_iter()
            .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
        let files = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.is_file());
        let text: String = files
            .map(|path| std::fs::read_to_string(path).expect("a text"))
            .collect();
        let types = text.lines().filter_map(|line| line.strip_prefix("    Type: "));
        // The others are types of parameters.
        let types: Vec<&str> = types
            .filter(|of_type| of_type.matches("::").count() == 2 && !of_type.ends_with("::Id"))
            .collect();
        assert!(types.len() > 20, "{types:?}");
        for of_type in types {
            assert!(of(of_type).is_some(), "{of_type}");
        }
    }

    /// As the types' pages say under "Update requires".
    #[test]
    fn what_a_change_makes_anew_is_told() {
        for (of_type, path, recreation) in [
            ("AWS::AutoScaling::AutoScalingGroup", "MaxSize", Recreation::Never),
            (
                "AWS::AutoScaling::AutoScalingGroup",
                "AutoScalingGroupName",
                Recreation::Always,
            ),
            (
                "AWS::AutoScaling::AutoScalingGroup",
                "LaunchTemplate/Version",
                Recreation::Conditionally,
            ),
            (
                "AWS::S3::Bucket",
                "NotificationConfiguration/TopicConfigurations/0/Filter",
                Recreation::Never,
            ),
            ("AWS::S3::Bucket", "BucketName", Recreation::Always),
            ("AWS::SQS::Queue", "VisibilityTimeout", Recreation::Never),
            ("AWS::SQS::Queue", "QueueName", Recreation::Always),
            ("AWS::SNS::Subscription", "TopicArn", Recreation::Always),
            (
                "AWS::EC2::VPCEndpoint",
                "DnsOptions/PrivateDnsPreference",
                Recreation::Always,
            ),
            ("AWS::EC2::VPCEndpoint", "DnsOptions", Recreation::Conditionally),
            ("AWS::EC2::VPCEndpoint", "DnsOptions/DnsRecordIpType", Recreation::Never),
        ] {
            assert_eq!(schema(of_type).recreation(path), recreation, "{of_type} {path}");
        }
        assert!(touch("List/*/Name", "List/0/Name") && !touch("List/*/Name", "List/0/Value"));
    }

    #[test]
    fn how_each_type_is_imported_follows_from_its_schema() {
        for (of_type, import) in [
            ("AWS::S3::Bucket", Import::Automatic),
            ("AWS::DynamoDB::Table", Import::Automatic),
            ("AWS::SQS::Queue", Import::Named),
            ("AWS::SNS::Topic", Import::Named),
            ("AWS::SQS::QueuePolicy", Import::Never),
            ("AWS::SNS::TopicPolicy", Import::Never),
        ] {
            assert_eq!(schema(of_type).import(), import, "{of_type}");
        }
        assert_eq!(schema("AWS::SQS::Queue").primary_identifier, ["QueueUrl"]);
    }
}
