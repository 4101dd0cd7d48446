//! What EC2 is asked: which zones offer an instance type, which subnets the default VPC has, and where others are.
//!
//! EC2's SDK crate is the largest of all; it takes the build two and a half minutes and 6 GB of memory. So these go by the
//! machinery that the SDK's clients are made of, with the same credentials, signatures, retries, timeouts and endpoint;
//! only request and answer are written here
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::Mutex;

use crate::cloud::connection::calls::Calls;
use crate::cloud::connection::connect;
use crate::cloud::connection::time_limits::TimeLimits;
use crate::cloud::{Cloud, CloudError, explain};

const VERSION: &str = "2016-11-15";

/// The text fields of an item.
type Item = BTreeMap<String, String>;

/// What was answered to an action's parameters.
pub(super) type Answers = Arc<Mutex<HashMap<(&'static str, Vec<(String, String)>), Vec<Item>>>>;

/// A subnet, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    pub id: String,
    pub zone: String,
    pub vpc: String,
}

impl Cloud {
    /// Which zones of the region offer each of these instance types; a type that none offers is left out
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html>).
    pub async fn zones_that_offer(
        &self,
        types: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, CloudError> {
        let mut asked = vec![
            ("LocationType".to_owned(), "availability-zone".to_owned()),
            ("Filter.1.Name".to_owned(), "instance-type".to_owned()),
        ];
        let types = types.iter().enumerate();
        asked.extend(types.map(|(number, one)| (format!("Filter.1.Value.{}", number + 1), one.clone())));
        let mut offered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for mut item in self
            .ec2("DescribeInstanceTypeOfferings", "instanceTypeOfferingSet", asked)
            .await?
        {
            if let (Some(of_type), Some(zone)) = (item.remove("instanceType"), item.remove("location")) {
                offered.entry(of_type).or_default().insert(zone);
            }
        }
        Ok(offered)
    }

    /// The zones in which the default VPC has a subnet of its own.
    pub async fn default_zones(&self) -> Result<BTreeSet<String>, CloudError> {
        let subnets = self.default_subnets().await?;
        Ok(subnets.into_iter().map(|subnet| subnet.zone).collect())
    }

    /// The default VPC's own subnets, one a zone
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>).
    pub async fn default_subnets(&self) -> Result<Vec<Subnet>, CloudError> {
        let asked = [("Filter.1.Name", "default-for-az"), ("Filter.1.Value.1", "true")];
        self.described_subnets(asked.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
            .await
    }

    /// Those of these ids; one that isn't there is left out: a filter finds nothing, where an id would be refused.
    pub async fn subnets(&self, ids: &BTreeSet<&str>) -> Result<Vec<Subnet>, CloudError> {
        let mut asked = vec![("Filter.1.Name".to_owned(), "subnet-id".to_owned())];
        let ids = ids.iter().enumerate();
        asked.extend(ids.map(|(number, id)| (format!("Filter.1.Value.{}", number + 1), (*id).to_owned())));
        self.described_subnets(asked).await
    }

    async fn described_subnets(&self, asked: Vec<(String, String)>) -> Result<Vec<Subnet>, CloudError> {
        let subnets = self.ec2("DescribeSubnets", "subnetSet", asked).await?;
        let subnets = subnets.into_iter().filter_map(|mut item| {
            Some(Subnet {
                id: item.remove("subnetId")?,
                zone: item.remove("availabilityZone")?,
                vpc: item.remove("vpcId")?,
            })
        });
        Ok(subnets.collect())
    }

    /// All items of a set. Each question is asked once: which zones there are, and what they offer, stays while a command
    /// runs, and stacks that are planned side by side, or again, ask for the same.
    async fn ec2(
        &self,
        action: &'static str,
        set: &'static str,
        asked: Vec<(String, String)>,
    ) -> Result<Vec<Item>, CloudError> {
        let mut answers = self.ec2_answers.lock().await;
        if let Some(items) = answers.get(&(action, asked.clone())) {
            return Ok(items.clone());
        }
        let items = self.ec2_pages(action, set, &asked).await?;
        answers.insert((action, asked), items.clone());
        Ok(items)
    }

    async fn ec2_pages(
        &self,
        action: &'static str,
        set: &'static str,
        asked: &[(String, String)],
    ) -> Result<Vec<Item>, CloudError> {
        let calls = Calls {
            on_call: self.on_call,
            region: self.region.clone(),
            limiter: self.limiter.clone(),
        };
        let operation = operation(&self.config, &self.region, action, calls);
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("Action", action).append_pair("Version", VERSION);
            for (name, value) in asked {
                form.append_pair(name, value);
            }
            if let Some(token) = &token {
                form.append_pair("NextToken", token);
            }
            let answer = operation.invoke(form.finish()).await;
            let answer = answer.map_err(|error| explain(action, error))?;
            let page = read(&answer, set).map_err(|error| CloudError {
                operation: action,
                code: None,
                message: format!("its answer can't be read: {error}"),
            })?;
            items.extend(page.items);
            token = page.next;
            if token.is_none() {
                return Ok(items);
            }
        }
    }
}

/// The body of a request in, that of its answer out.
fn operation(
    config: &SdkConfig,
    region: &str,
    action: &'static str,
    calls: Calls,
) -> Operation<String, String, Refused> {
    // What the generated clients have in their configuration.
    let mut layer = Layer::new("ec2");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(connect::retry_partition());
    layer.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(Into::into),
        name: Some("ec2".into()),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("ec2");
    components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
        StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
    )));
    components.push_auth_scheme(SigV4AuthScheme::new());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    components.set_http_client(config.http_client());
    let plugin = StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components);
    let mut builder = Operation::builder()
        .service_name("EC2")
        .operation_name(action)
        .endpoint_url(&endpoint(config, region))
        .interceptor(calls)
        .interceptor(TimeLimits::default())
        .runtime_plugin(plugin)
        .retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
        .retry_classifier(TransientErrorClassifier::<Refused>::new())
        .retry_classifier(HttpStatusCodeClassifier::default());
    if let Some(retries) = config.retry_config() {
        builder = builder.standard_retry(retries);
    }
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    if let Some(version) = config.behavior_version() {
        builder = builder.behavior_version(version);
    }
    builder.serializer(request).deserializer(answer).build()
}

/// Where EC2 is: what the command line says, else environment and profile, as for the services that have a client
/// (`AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL`, a `services` section, `endpoint_url`;
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>), else EC2's own endpoint.
fn endpoint(config: &SdkConfig, region: &str) -> String {
    let told = config.endpoint_url().map(str::to_owned);
    if let Some(told) = told.filter(|_| config.get_origin("endpoint_url").is_client_config()) {
        return told;
    }
    let of_ec2 = ServiceConfigKey::builder()
        .service_id("EC2")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url");
    let of_ec2 = of_ec2
        .build()
        .ok()
        .and_then(|key| config.service_config()?.load_config(key));
    let of_all = || config.endpoint_url().map(str::to_owned);
    of_ec2.or_else(of_all).unwrap_or_else(|| {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://ec2.{region}.amazonaws.com{suffix}")
    })
}

fn request(form: String) -> Result<HttpRequest, BoxError> {
    let length = form.len();
    let mut request = HttpRequest::new(SdkBody::from(form));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-www-form-urlencoded");
    headers.insert("content-length", length.to_string());
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    match response.status().as_u16() {
        200..=299 => Ok(body),
        // Whatever its words are: an emulator that doesn't know the action.
        501 => Err(OrchestratorError::operation(Refused::not_implemented())),
        _ => Err(OrchestratorError::operation(Refused::read(&body))),
    }
}

/// What EC2 refused
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#api-error-response>).
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl Refused {
    fn not_implemented() -> Refused {
        Refused(ErrorMetadata::builder().code("NotImplemented").build())
    }

    fn read(body: &str) -> Refused {
        let mut error = read(body, "Errors").map(|page| page.items).unwrap_or_default();
        let mut error = error.drain(..).next().unwrap_or_default();
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = error.remove("Code") {
            metadata = metadata.code(code);
        }
        if let Some(message) = error.remove("Message") {
            metadata = metadata.message(message);
        }
        Refused(metadata.build())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    items: Vec<Item>,
    next: Option<String>,
}

/// The items of a set, as far as they are text.
fn read(body: &str, set: &str) -> Result<Page, XmlDecodeError> {
    let mut page = Page::default();
    let mut document = Document::new(body);
    let mut root = document.root_element()?;
    while let Some(mut part) = root.next_tag() {
        match part.start_el().local().to_owned() {
            name if name == set => {
                while let Some(mut item) = part.next_tag() {
                    page.items.push(fields(&mut item));
                }
            }
            name if name == "nextToken" => {
                page.next = Some(try_data(&mut part)?.into_owned()).filter(|token| !token.is_empty());
            }
            _ => {}
        }
    }
    Ok(page)
}

fn fields(item: &mut ScopedDecoder<'_, '_>) -> Item {
    let mut fields = Item::new();
    while let Some(mut field) = item.next_tag() {
        let name = field.start_el().local().to_owned();
        // An element with others in it is not text, and nobody asks for one.
        if let Ok(text) = try_data(&mut field) {
            fields.insert(name, text.into_owned());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_item_by_item() {
        let body = "<?xml version=\"1.0\"?>\n<DescribeSubnetsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                    <requestId>1</requestId><subnetSet><item><tagSet><item><key>a</key><value>b</value></item></tagSet>\
                    <availabilityZone>us-east-2a</availabilityZone></item><item><availabilityZone>us-east-2b\
                    </availabilityZone></item></subnetSet><nextToken>more</nextToken></DescribeSubnetsResponse>";
        let page = read(body, "subnetSet").expect("it reads");
        let zones: Vec<&str> = page
            .items
            .iter()
            .map(|item| item["availabilityZone"].as_str())
            .collect();
        assert_eq!(
            (zones, page.next.as_deref()),
            (vec!["us-east-2a", "us-east-2b"], Some("more"))
        );
        assert_eq!(read("<A><nextToken/></A>", "set").expect("it reads"), Page::default());
        assert!(read("not XML", "set").is_err());
    }

    #[test]
    fn nobody_says_where_it_is_and_it_is_where_the_region_has_it() {
        let nobody = SdkConfig::builder().build();
        for (region, host) in [
            ("us-east-2", "https://ec2.us-east-2.amazonaws.com"),
            ("cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn"),
        ] {
            assert_eq!(endpoint(&nobody, region), host);
        }
    }

    #[test]
    fn a_refusal_has_a_code_and_a_message() {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message>\
                    </Error></Errors><RequestID>1</RequestID></Response>";
        let refused = Refused::read(body);
        assert_eq!(refused.code(), Some("UnauthorizedOperation"));
        assert_eq!(refused.message(), Some("You are not authorized."));
        assert_eq!(Refused::read("<html>").code(), None);
    }
}
