//! Requests to services that have no crate here: signed, retried and timed as those of the SDK's clients are, with the same
//! credentials and endpoints. Only request and answer are written by hand.
//!
//! EC2's crate is the largest of all: it takes the build two and a half minutes and 6 GB of memory. Of Service Quotas, one
//! call is wanted.

use std::fmt;

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
use aws_types::service_config::ServiceConfigKey;

use crate::cloud::connection::calls::Calls;
use crate::cloud::connection::connect;
use crate::cloud::connection::time_limits::TimeLimits;
use crate::cloud::{Cloud, CloudError, explain};

/// A service, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Service {
    /// By which configuration files and environment variables name its endpoint: `AWS_ENDPOINT_URL_SERVICE_QUOTAS`.
    pub id: &'static str,
    /// What requests are signed for, and the first word of its host.
    pub name: &'static str,
    pub content_type: &'static str,
    /// The first part of the header `x-amz-target`, where the protocol has it.
    pub target: Option<&'static str>,
    /// Reads code and message of a refusal from its headers and its body.
    pub refused: fn(&HttpResponse, &str) -> ErrorMetadata,
}

impl Cloud {
    /// How an action of such a service is called: the body of a request in, that of its answer out.
    pub(super) fn signed(&self, service: &'static Service, action: &'static str) -> Signed {
        let calls = Calls {
            on_call: self.on_call,
            region: self.region.clone(),
            limiter: self.limiter.clone(),
        };
        Signed {
            action,
            operation: operation(&self.config, &self.region, service, action, calls),
        }
    }
}

/// An action of a service.
pub(super) struct Signed {
    action: &'static str,
    operation: Operation<String, String, Refused>,
}

impl Signed {
    pub async fn call(&self, body: String) -> Result<String, CloudError> {
        let answer = self.operation.invoke(body).await;
        answer.map_err(|error| explain(self.action, error))
    }

    /// What is said of an answer that isn't what it should be.
    pub fn unreadable(&self, why: impl fmt::Display) -> CloudError {
        CloudError {
            operation: self.action,
            code: None,
            message: format!("its answer can't be read: {why}"),
        }
    }
}

fn operation(
    config: &SdkConfig,
    region: &str,
    service: &'static Service,
    action: &'static str,
    calls: Calls,
) -> Operation<String, String, Refused> {
    // What the generated clients have in their configuration.
    let mut layer = Layer::new(service.name);
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(connect::retry_partition());
    layer.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(Into::into),
        name: Some(service.name.into()),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new(service.name);
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
        .service_name(service.id)
        .operation_name(action)
        .endpoint_url(&endpoint(config, region, service))
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
    builder
        .serializer(move |body| request(service, action, body))
        .deserializer(move |response| answer(service, response))
        .build()
}

/// Where the service is: what the command line says, else environment and profile, as for the services that have a client
/// (`AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL`, a `services` section, `endpoint_url`;
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>), else the service's own endpoint.
fn endpoint(config: &SdkConfig, region: &str, service: &Service) -> String {
    let told = config.endpoint_url().map(str::to_owned);
    if let Some(told) = told.filter(|_| config.get_origin("endpoint_url").is_client_config()) {
        return told;
    }
    let of_service = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url");
    let of_service = of_service
        .build()
        .ok()
        .and_then(|key| config.service_config()?.load_config(key));
    let of_all = || config.endpoint_url().map(str::to_owned);
    of_service.or_else(of_all).unwrap_or_else(|| {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://{}.{region}.amazonaws.com{suffix}", service.name)
    })
}

fn request(service: &Service, action: &str, body: String) -> Result<HttpRequest, BoxError> {
    let length = body.len();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", service.content_type);
    headers.insert("content-length", length.to_string());
    if let Some(target) = service.target {
        headers.insert("x-amz-target", format!("{target}.{action}"));
    }
    Ok(request)
}

fn answer(service: &Service, response: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    match response.status().as_u16() {
        200..=299 => Ok(body),
        // Whatever its words are: an emulator that doesn't know the action.
        501 => Err(OrchestratorError::operation(Refused::not_implemented())),
        _ => Err(OrchestratorError::operation(Refused((service.refused)(
            response, &body,
        )))),
    }
}

/// What a service refused.
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl Refused {
    fn not_implemented() -> Refused {
        Refused(ErrorMetadata::builder().code("NotImplemented").build())
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

/// A refusal's code and message, as far as there are any.
pub(super) fn refusal(code: Option<String>, message: Option<String>) -> ErrorMetadata {
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        metadata = metadata.code(code);
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    metadata.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_says_where_it_is_and_it_is_where_the_region_has_it() {
        let nobody = SdkConfig::builder().build();
        for (region, service, host) in [
            (
                "us-east-2",
                &super::super::ec2::EC2,
                "https://ec2.us-east-2.amazonaws.com",
            ),
            (
                "cn-north-1",
                &super::super::quotas::SERVICE_QUOTAS,
                "https://servicequotas.cn-north-1.amazonaws.com.cn",
            ),
        ] {
            assert_eq!(endpoint(&nobody, region, service), host);
        }
    }
}
