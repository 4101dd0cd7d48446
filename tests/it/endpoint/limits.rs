//! What an account may have at most, and how much it has: Service Quotas, and the services that tell it themselves.

use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{plain, xml};
use super::calls::{Call, Service};
use super::query::{Refusal, answer};
use super::script::Script;
use super::services::Plain;
use super::world::World;
use super::xml::Fields;

const AUTO_SCALING: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const CLOUDFORMATION: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
const LOAD_BALANCING: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// What a test says of an account.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// By code; any other is AWS's default, which is [`DEFAULT`] here.
    quotas: std::collections::BTreeMap<String, u64>,
    groups: Option<(u64, u64)>,
    concurrency: Option<u64>,
    distributions: usize,
}

/// More than any file needs.
const DEFAULT: u64 = 1_000;

impl Script {
    /// The applied value of a quota.
    pub fn quota(mut self, code: &str, value: u64) -> Self {
        self.limits.quotas.insert(code.to_owned(), value);
        self
    }

    /// How many Auto Scaling groups there may be, and are.
    pub fn group_limit(mut self, most: u64, used: u64) -> Self {
        self.limits.groups = Some((most, used));
        self
    }

    /// How many executions of functions there may be at once.
    pub fn concurrency(mut self, most: u64) -> Self {
        self.limits.concurrency = Some(most);
        self
    }

    /// How many distributions the account has.
    pub fn distributions(mut self, count: usize) -> Self {
        self.limits.distributions = count;
        self
    }
}

impl World {
    /// The answer to a call about limits; none to any other.
    pub fn limits_say(&mut self, call: &Call) -> Option<Response> {
        let limits = self.script.limits.clone();
        let fields =
            |namespace: &str, fields: Fields| Some(xml(200, answer(namespace, &call.action, &fields, "00000000")));
        match (call.service, call.action.as_str()) {
            (Service::Quotas, _) => Some(match quota(&limits, call) {
                Ok(quota) => plain(Plain::ok("application/x-amz-json-1.1", quota.to_string())),
                Err(refusal) => plain(Plain::refusal(call, &refusal)),
            }),
            // <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAccountLimits.html>
            (Service::AutoScaling, "DescribeAccountLimits") => {
                let (most, used) = limits.groups.unwrap_or((500, 3));
                fields(
                    AUTO_SCALING,
                    Fields::new()
                        .text("MaxNumberOfLaunchConfigurations", 200)
                        .text("MaxNumberOfAutoScalingGroups", most)
                        .text("NumberOfLaunchConfigurations", 0)
                        .text("NumberOfAutoScalingGroups", used),
                )
            }
            // <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_AccountLimit.html>
            (Service::CloudFormation, "DescribeAccountLimits") => {
                let limit = |name: &str, value: u64| Fields::new().text("Name", name).text("Value", value);
                let stacks = limits.quotas.get("L-0485CB21").copied().unwrap_or(2_000);
                let all = [limit("ConcurrentResourcesLimit", 2_500), limit("StackLimit", stacks)];
                fields(CLOUDFORMATION, Fields::new().members("AccountLimits", all))
            }
            // <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeAccountLimits.html>
            (Service::LoadBalancing, "DescribeAccountLimits") => {
                let most = limits.quotas.get("L-53DA6B97").copied().unwrap_or(50);
                let limit = |name: &str, max: u64| Fields::new().text("Name", name).text("Max", max);
                let all = [limit("target-groups", 3_000), limit("application-load-balancers", most)];
                fields(LOAD_BALANCING, Fields::new().members("Limits", all))
            }
            // <https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html>
            (Service::Lambda, "GetAccountSettings") => Some(plain(Plain::json(&json!({
                "AccountLimit": {
                    "CodeSizeUnzipped": 262_144_000,
                    "CodeSizeZipped": 52_428_800,
                    "ConcurrentExecutions": limits.concurrency.unwrap_or(DEFAULT),
                    "TotalCodeSize": 80_530_636_800_u64,
                    "UnreservedConcurrentExecutions": limits.concurrency.unwrap_or(DEFAULT),
                },
                "AccountUsage": {"FunctionCount": 0, "TotalCodeSize": 0},
            })))),
            (Service::CloudFront, "ListDistributions") => Some(xml(200, distributions(limits.distributions))),
            // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
            (Service::S3, "ListBuckets") => {
                let names = self.services.bucket_names();
                let buckets = names.iter().map(|name| {
                    format!("<Bucket><Name>{name}</Name><CreationDate>2026-01-02T00:00:00.000Z</CreationDate></Bucket>")
                });
                Some(xml(
                    200,
                    format!(
                        "<ListAllMyBucketsResult><Buckets>{}</Buckets><Owner><ID>0</ID></Owner></ListAllMyBucketsResult>",
                        buckets.collect::<String>()
                    ),
                ))
            }
            _ => None,
        }
    }
}

/// <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html>: one that was never changed
/// may not be there; then its default is asked for.
fn quota(limits: &Limits, call: &Call) -> Result<Value, Refusal> {
    let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
    let (service, code) = (text("ServiceCode"), text("QuotaCode"));
    let applied = limits.quotas.get(&code).copied();
    let value = match call.action.as_str() {
        "GetServiceQuota" => applied.ok_or_else(|| {
            let message = "The request failed because the specified quota does not exist.";
            Refusal::new(400, "NoSuchResourceException", message)
        })?,
        "GetAWSDefaultServiceQuota" => DEFAULT,
        other => return Err(Refusal::new(400, "UnknownOperationException", other)),
    };
    let mut quota = json!({
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaName": format!("the quota {code}"),
        "QuotaArn": format!("arn:aws:servicequotas:{}::{service}/{code}", call.region),
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": call.region == "us-east-1",
    });
    // Of vCPUs, as the console's own metrics are called
    // (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html#service-quota-metrics>).
    if service == "ec2" && code == "L-1216C47A" {
        quota["UsageMetric"] = json!({
            "MetricNamespace": "AWS/Usage",
            "MetricName": "ResourceCount",
            "MetricDimensions": {"Class": "Standard/OnDemand", "Resource": "vCPU", "Service": "EC2", "Type": "Resource"},
            "MetricStatisticRecommendation": "Maximum",
        });
    }
    Ok(json!({"Quota": quota}))
}

/// <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListDistributions.html>: only what must be there of each,
/// and a page holds them all.
fn distributions(count: usize) -> String {
    let none = "<Quantity>0</Quantity>";
    let one = |number: usize| {
        format!(
            "<DistributionSummary><Id>E{number}</Id><ARN>arn:aws:cloudfront::111122223333:distribution/E{number}</ARN>\
             <Status>Deployed</Status><LastModifiedTime>2026-01-02T00:00:00Z</LastModifiedTime><DomainName>d.cloudfront.net\
             </DomainName><Aliases>{none}</Aliases><Origins>{none}<Items/></Origins><DefaultCacheBehavior><TargetOriginId>o\
             </TargetOriginId><ViewerProtocolPolicy>https-only</ViewerProtocolPolicy></DefaultCacheBehavior><CacheBehaviors>\
             {none}</CacheBehaviors><CustomErrorResponses>{none}</CustomErrorResponses><Comment/><PriceClass>PriceClass_All\
             </PriceClass><Enabled>true</Enabled><ViewerCertificate/><Restrictions><GeoRestriction><RestrictionType>none\
             </RestrictionType>{none}</GeoRestriction></Restrictions><WebACLId/><HttpVersion>http2</HttpVersion>\
             <IsIPV6Enabled>true</IsIPV6Enabled><Staging>false</Staging></DistributionSummary>"
        )
    };
    let all: String = (0..count).map(one).collect();
    format!(
        "<DistributionList xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Marker/><MaxItems>100</MaxItems>\
         <IsTruncated>false</IsTruncated><Quantity>{count}</Quantity><Items>{all}</Items></DistributionList>"
    )
}
