//! CloudFront: distributions of stacks and what outlived them, and the origin access controls beside them. REST with XML.

use axum::http::request::Parts;
use serde_json::{Value, json};

use super::calls::Call;
use super::query::Refusal;
use super::state::Resource;
use super::world::World;
use super::xml::escape;

pub(super) const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
const ORIGIN_ACCESS: &str = "AWS::CloudFront::OriginAccessControl";
const NAMESPACE: &str = "http://cloudfront.amazonaws.com/doc/2020-05-31/";

/// <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Operations.html>
pub(super) fn action(parts: &Parts) -> String {
    let path = parts.uri.path().trim_start_matches("/2020-05-31/");
    match (parts.method.as_str(), path.split_once('/')) {
        ("GET", Some(("distribution", _))) => "GetDistribution",
        ("GET", Some(("origin-access-control", _))) => "GetOriginAccessControl",
        ("GET", None) if path == "distribution" => "ListDistributions",
        ("GET", None) if path == "origin-access-control" => "ListOriginAccessControls",
        (method, _) => method,
    }
    .to_owned()
}

/// What a distribution is asked about: its id. Of a listing, the page's marker.
pub(super) fn subject(call: &Call) -> String {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let mut asked = form_urlencoded::parse(query.as_bytes());
    let marker = asked
        .find(|(name, _)| name == "Marker")
        .map(|(_, value)| value.into_owned());
    match call.action.as_str() {
        "ListOriginAccessControls" => marker.unwrap_or_default(),
        _ => path.rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

/// A distribution, as `GetDistribution` tells it, with the least that must be there.
pub fn distribution(id: &str, status: &str, enabled: bool, aliases: &[&str]) -> String {
    configured(id, status, &json!({"Enabled": enabled, "Aliases": aliases}))
}

/// A list as CloudFront writes it.
fn items(list: &Value, item: impl Fn(&Value) -> String) -> String {
    let all: Vec<String> = list.as_array().into_iter().flatten().map(item).collect();
    format!("<Quantity>{}</Quantity><Items>{}</Items>", all.len(), all.concat())
}

/// What a cache behavior says of who gets files by it.
fn to_whom(behavior: &Value) -> String {
    let groups = &behavior["TrustedKeyGroups"];
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let function = |one: &Value| {
        format!(
            "<FunctionAssociation><FunctionARN>{}</FunctionARN><EventType>{}</EventType></FunctionAssociation>",
            text(&one["FunctionARN"]),
            text(&one["EventType"])
        )
    };
    format!(
        "<TrustedSigners><Enabled>false</Enabled><Quantity>0</Quantity></TrustedSigners><TrustedKeyGroups><Enabled>{}</Enabled>\
         {}</TrustedKeyGroups><ViewerProtocolPolicy>redirect-to-https</ViewerProtocolPolicy><FunctionAssociations>{}\
         </FunctionAssociations>",
        groups.as_array().is_some_and(|groups| !groups.is_empty()),
        items(groups, |group| format!("<KeyGroup>{}</KeyGroup>", text(group))),
        items(&behavior["FunctionAssociations"], function)
    )
}

/// The same of a `DistributionConfig` in CloudFormation's words
/// (<https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_GetDistribution.html>, Response Syntax).
pub fn configured(id: &str, status: &str, config: &Value) -> String {
    let names = items(&config["Aliases"], |alias| {
        format!("<CNAME>{}</CNAME>", alias.as_str().unwrap_or_default())
    });
    let behaviors = items(&config["CacheBehaviors"], |behavior| {
        format!(
            "<CacheBehavior><PathPattern>{}</PathPattern><TargetOriginId>processed</TargetOriginId>{}</CacheBehavior>",
            escape(behavior["PathPattern"].as_str().unwrap_or_default()),
            to_whom(behavior)
        )
    });
    let default = to_whom(&config["DefaultCacheBehavior"]);
    let enabled = super::template::as_text(&config["Enabled"]) != "false";
    format!(
        "<Distribution xmlns=\"{NAMESPACE}\"><Id>{id}</Id><ARN>arn:aws:cloudfront::111122223333:distribution/{id}</ARN>\
         <Status>{status}</Status><LastModifiedTime>2026-01-02T03:04:05Z</LastModifiedTime>\
         <InProgressInvalidationBatches>0</InProgressInvalidationBatches><DomainName>d1.cloudfront.net</DomainName>\
         <DistributionConfig><CallerReference>1</CallerReference><Aliases>{names}</Aliases><Origins>\
         <Quantity>0</Quantity><Items/></Origins><DefaultCacheBehavior><TargetOriginId>processed</TargetOriginId>{default}\
         </DefaultCacheBehavior><CacheBehaviors>{behaviors}</CacheBehaviors><Comment/><Enabled>{enabled}</Enabled>\
         </DistributionConfig></Distribution>"
    )
}

/// A page of origin access controls: id, name, description; and the marker of the next page.
pub fn origin_accesses(all: &[(&str, &str, &str)], next: Option<&str>) -> String {
    let items = all.iter().map(|(id, name, description)| {
        format!(
            "<OriginAccessControlSummary><Id>{id}</Id><Description>{}</Description><Name>{}</Name><SigningProtocol>sigv4\
             </SigningProtocol><SigningBehavior>always</SigningBehavior><OriginAccessControlOriginType>s3\
             </OriginAccessControlOriginType></OriginAccessControlSummary>",
            escape(description),
            escape(name)
        )
    });
    let next_marker = next.map_or(String::new(), |next| format!("<NextMarker>{next}</NextMarker>"));
    format!(
        "<OriginAccessControlList xmlns=\"{NAMESPACE}\"><Marker/>{next_marker}<MaxItems>100</MaxItems><IsTruncated>{}\
         </IsTruncated><Quantity>{}</Quantity><Items>{}</Items></OriginAccessControlList>",
        next.is_some(),
        all.len(),
        items.collect::<String>()
    )
}

/// <https://docs.aws.amazon.com/cloudfront/latest/APIReference/CommonErrors.html>
pub(super) fn refused(refusal: &Refusal) -> String {
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>00000000</RequestId></ErrorResponse>",
        refusal.code,
        escape(&refusal.message)
    )
}

impl World {
    pub(super) fn cloudfront(&mut self, call: &Call) -> Result<String, Refusal> {
        let id = subject(call);
        match call.action.as_str() {
            "GetDistribution" => {
                let config = self
                    .of_stacks(DISTRIBUTION, &id)
                    .map(|found| found.properties["DistributionConfig"].clone());
                let left = || self.is_left(DISTRIBUTION, &id).then(|| json!({"Enabled": true}));
                let missing = || Refusal::new(404, "NoSuchDistribution", "The specified distribution does not exist.");
                let config = config.or_else(left).ok_or_else(missing)?;
                Ok(configured(&id, "Deployed", &config))
            }
            "GetOriginAccessControl" => {
                let missing = "The specified origin access control does not exist.";
                match self.of_stacks(ORIGIN_ACCESS, &id).is_some() || self.is_left(ORIGIN_ACCESS, &id) {
                    true => Ok(format!(
                        "<OriginAccessControl xmlns=\"{NAMESPACE}\"><Id>{id}</Id></OriginAccessControl>"
                    )),
                    false => Err(Refusal::new(404, "NoSuchOriginAccessControl", missing)),
                }
            }
            "ListOriginAccessControls" => {
                let stacks = self.stacks.iter().filter(|stack| stack.is_there());
                let resources = stacks.flat_map(|stack| &stack.resources);
                let named = resources.filter(|one| one.kind == ORIGIN_ACCESS).filter_map(|one| {
                    let config = &one.properties["OriginAccessControlConfig"];
                    Some((
                        one.physical_id.as_deref()?,
                        config["Name"].as_str().unwrap_or_default(),
                        config["Description"].as_str().unwrap_or_default(),
                    ))
                });
                Ok(origin_accesses(&named.collect::<Vec<_>>(), None))
            }
            other => {
                let what = format!("the endpoint doesn't know CloudFront's {other}");
                self.complaints.push(what.clone());
                Err(Refusal::new(501, "NotImplemented", what))
            }
        }
    }

    fn of_stacks(&self, kind: &str, id: &str) -> Option<&Resource> {
        let stacks = self.stacks.iter().filter(|stack| stack.is_there());
        let mut resources = stacks.flat_map(|stack| &stack.resources);
        resources.find(|one| one.kind == kind && one.physical_id.as_deref() == Some(id))
    }
}
