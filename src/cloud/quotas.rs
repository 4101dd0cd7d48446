//! What an account may have at most, as Service Quotas tells it.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ErrorMetadata;
use serde::Deserialize;
use serde_json::{Value, json};

use super::signed::{Service, refusal};
use super::{Cloud, CloudError};

/// <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html>
pub(super) static SERVICE_QUOTAS: Service = Service {
    id: "Service Quotas",
    name: "servicequotas",
    content_type: "application/x-amz-json-1.1",
    target: Some("ServiceQuotasV20190624"),
    refused,
};

/// A quota of an account in a region.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Quota {
    #[serde(rename = "QuotaName")]
    pub name: String,
    pub value: f64,
    /// Whether more can be asked for.
    #[serde(default)]
    pub adjustable: bool,
    /// Where CloudWatch says how much of it is in use, of quotas that have such a metric.
    #[serde(default)]
    pub usage_metric: Option<UsageMetric>,
}

/// A metric of CloudWatch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct UsageMetric {
    #[serde(rename = "MetricNamespace", default)]
    pub namespace: String,
    #[serde(rename = "MetricName", default)]
    pub name: String,
    #[serde(rename = "MetricDimensions", default)]
    pub dimensions: BTreeMap<String, String>,
    #[serde(rename = "MetricStatisticRecommendation", default)]
    pub statistic: String,
}

impl Cloud {
    /// A quota by the codes of its service and of its own. "For some quotas, only the default values are available. If the
    /// applied quota value is not available for a quota, the quota is not retrieved": then it is AWS's default.
    pub async fn quota(&self, service: &str, code: &str) -> Result<Quota, CloudError> {
        let applied = self.asked_quota("GetServiceQuota", service, code).await;
        match applied {
            Err(error) if error.is("NoSuchResourceException") => {
                self.asked_quota("GetAWSDefaultServiceQuota", service, code).await
            }
            applied => applied,
        }
    }

    async fn asked_quota(&self, action: &'static str, service: &str, code: &str) -> Result<Quota, CloudError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            quota: Quota,
        }
        let signed = self.signed(&SERVICE_QUOTAS, action);
        let asked = json!({"ServiceCode": service, "QuotaCode": code});
        let answer = signed.call(asked.to_string()).await?;
        let answer: Answer = serde_json::from_str(&answer).map_err(|error| signed.unreadable(error))?;
        Ok(answer.quota)
    }
}

/// The code is in a header or in the body, there behind a `#`
/// (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>).
fn refused(response: &HttpResponse, body: &str) -> ErrorMetadata {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let header = response.headers().get("x-amzn-errortype").map(str::to_owned);
    let code = header.or_else(|| text("__type")).or_else(|| text("code")).map(|code| {
        let name = code.rsplit('#').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default().to_owned()
    });
    refusal(code, text("message").or_else(|| text("Message")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_code_wherever_it_stands() {
        let mut response = HttpResponse::new(400.try_into().expect("a status"), String::new().into());
        let body = "{\"__type\":\"com.amazonaws.servicequotas#NoSuchResourceException\",\"message\":\"no\"}";
        let of_body = refused(&response, body);
        assert_eq!(
            (of_body.code(), of_body.message()),
            (Some("NoSuchResourceException"), Some("no"))
        );
        response
            .headers_mut()
            .insert("x-amzn-errortype", "AccessDeniedException:http://internal/");
        assert_eq!(
            refused(&response, "{\"Message\":\"no\"}").code(),
            Some("AccessDeniedException")
        );
        assert_eq!(
            refused(
                &HttpResponse::new(400.try_into().expect("a status"), String::new().into()),
                ""
            )
            .code(),
            None
        );
    }
}
