//! Each call to AWS: told to whoever wants to know (`-v`, `--log-file`), and heeded when the service asks to slow down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::Error as Erased;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata, OrchestratorError};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::cloud::connection::asked::{asked, server};
use crate::cloud::connection::harmless::harmless;
use crate::cloud::connection::limiter::Limiter;

/// What is told. None of it is secret: no credentials, no signatures, no bodies.
#[derive(Debug)]
pub enum Told<'a> {
    /// Where the credentials come from, and when they end, in RFC 3339, where they do.
    Credentials {
        from: &'a str,
        until: Option<String>,
    },
    Call(Call),
}

/// Told of what happens.
pub type OnCall = fn(&Told<'_>);

/// Something that happens in a call.
#[derive(Debug)]
pub struct Call {
    /// Calls are counted from 1 as they begin: several run at once.
    pub number: u64,
    /// E.g. `CloudFormation`.
    pub service: String,
    /// E.g. `DescribeStacks`.
    pub operation: String,
    /// From 1; none was made yet at 0.
    pub attempt: u32,
    pub step: Step,
}

#[derive(Debug)]
pub enum Step {
    /// An attempt is sent.
    Sent {
        /// E.g. `https://sqs.us-east-2.amazonaws.com`.
        to: String,
        region: String,
        /// What is asked about: `("StackName", "lab-work")`.
        asked: Vec<(String, String)>,
    },
    /// An attempt failed; it may be tried again.
    Failed {
        answer: Answer,
        /// Where there is no answer.
        why: Option<String>,
    },
    /// The call is over: with the last attempt's answer, and the time of all. Where no answer came, why, outermost first.
    Over {
        answer: Answer,
        /// Whether it came so far that something was sent.
        sent: bool,
        causes: Vec<String>,
    },
}

#[derive(Debug)]
pub struct Answer {
    /// The HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// The service's code for what is wrong, e.g. `AccessDenied`.
    pub code: Option<String>,
    /// By which AWS finds the request again.
    pub request_id: Option<String>,
    /// The second id that S3 wants to know
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/get-request-ids.html>).
    pub extended_id: Option<String>,
    pub took: Duration,
}

impl Answer {
    fn of(response: Option<&HttpResponse>, began: Instant) -> Answer {
        let header = |name: &str| {
            let value = response?.headers().get(name)?;
            Some(value.to_owned())
        };
        Answer {
            status: response.map(|response| response.status().as_u16()),
            code: response.and_then(code),
            request_id: header("x-amzn-requestid").or_else(|| header("x-amz-request-id")),
            extended_id: header("x-amz-id-2"),
            took: began.elapsed(),
        }
    }

    /// Whether the service did what it was asked for.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status)) && self.code.is_none()
    }
}

/// Sees each call, and each attempt.
#[derive(Debug)]
pub(in crate::cloud) struct Calls {
    pub on_call: Option<OnCall>,
    pub region: String,
    /// Slowed down by throttling, which the SDK's retries would hide.
    pub limiter: Limiter,
}

#[derive(Debug)]
struct Began {
    number: u64,
    at: Instant,
}

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

#[derive(Debug)]
struct AttemptBegan(Instant);

impl Storable for AttemptBegan {
    type Storer = StoreReplace<Self>;
}

impl Calls {
    fn tell(&self, cfg: &ConfigBag, step: impl FnOnce() -> Step) {
        let Some(on_call) = self.on_call else { return };
        let of = |read: fn(&Metadata) -> &str| cfg.load::<Metadata>().map(read).unwrap_or_default().to_owned();
        on_call(&Told::Call(Call {
            number: cfg.load::<Began>().map_or(0, |began| began.number),
            service: of(Metadata::service),
            operation: of(Metadata::name),
            attempt: cfg.load::<RequestAttempts>().map_or(0, RequestAttempts::attempts),
            step: step(),
        }));
    }
}

#[dyn_dispatch_hint]
impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        if self.on_call.is_some() {
            cfg.interceptor_state().store_put(Began {
                number: NUMBER.fetch_add(1, Ordering::Relaxed),
                at: Instant::now(),
            });
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(AttemptBegan(Instant::now()));
        // What only becomes a link is signed in its query, and not sent.
        if !context.request().uri().contains("X-Amz-Signature") {
            self.tell(cfg, || Step::Sent {
                to: server(context.request().uri()),
                region: self.region.clone(),
                asked: asked(context.request()),
            });
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let throttled = context.response().is_some_and(|response| {
            let body = response.body().bytes().unwrap_or_default();
            let says = |word: &[u8]| body.windows(word.len()).any(|window| window == word);
            !response.status().is_success() && (says(b"Throttl") || says(b"Rate exceeded"))
        });
        if throttled {
            self.limiter.slow_down();
        }
        if let (Some(Err(error)), Some(AttemptBegan(at))) = (context.output_or_error(), cfg.load::<AttemptBegan>()) {
            self.tell(cfg, || Step::Failed {
                answer: Answer::of(context.response(), *at),
                // The innermost says it best: "Connection refused (os error 111)".
                why: causes(error).pop(),
            });
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A link has neither.
        let (Some(outcome), Some(began)) = (context.output_or_error(), cfg.load::<Began>()) else {
            return Ok(());
        };
        self.tell(cfg, || Step::Over {
            answer: Answer::of(context.response(), began.at),
            sent: cfg.load::<AttemptBegan>().is_some(),
            causes: outcome.err().map(causes).unwrap_or_default(),
        });
        Ok(())
    }
}

/// Why a call has no answer, or none that can be read: each error behind the other, without what is said twice. What the
/// service itself answers is no such error.
fn causes(error: &OrchestratorError<Erased>) -> Vec<String> {
    if error.is_operation_error() {
        return Vec::new();
    }
    let chain = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let causes = chain.map(|cause| on_one_line(&harmless(&cause.to_string())));
    // So the SDK calls a layer of its own.
    let mut causes: Vec<String> = causes.filter(|cause| cause != "other").collect();
    causes.dedup();
    causes
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The service's code, from wherever its protocol puts it
/// (<https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization>, and
/// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization>).
fn code(response: &HttpResponse) -> Option<String> {
    if response.status().is_success() {
        return None;
    }
    let named = response.headers().get("x-amzn-errortype").map(str::to_owned);
    let body = response.body().bytes().unwrap_or_default();
    let named = named.or_else(|| {
        let text = std::str::from_utf8(body).ok()?;
        if let Some((_, rest)) = text.split_once("<Code>") {
            return rest.split('<').next().map(str::to_owned);
        }
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let code = json.get("__type").or_else(|| json.get("code"))?;
        code.as_str().map(str::to_owned)
    });
    let named = named.or_else(|| of_cbor(body))?;
    // `com.amazonaws.sqs#QueueDoesNotExist`, `ValidationException:http://internal.amazon.com/…`
    let code = named.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    (!code.is_empty() && code.len() <= 100).then(|| harmless(code))
}

/// The value of `__type`: a text of up to 255 bytes (RFC 8949, section 3).
fn of_cbor(body: &[u8]) -> Option<String> {
    let name = b"__type";
    let at = body.windows(name.len()).position(|window| window == name)? + name.len();
    let (length, begins) = match *body.get(at)? {
        short @ 0x60..=0x77 => (usize::from(short - 0x60), at + 1),
        0x78 => (usize::from(*body.get(at + 1)?), at + 2),
        _ => return None,
    };
    let text = body.get(begins..begins + length)?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

    #[test]
    fn the_code_is_found_in_every_protocol() {
        let cbor = b"\xa2\x66__type\x78\x26com.amazonaws.cloudwatch#InternalError\x67message\x61x".to_vec();
        for (body, header, code_is) in [
            (
                b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>".to_vec(),
                None,
                Some("Throttling"),
            ),
            (
                br#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"x"}"#.to_vec(),
                None,
                Some("QueueDoesNotExist"),
            ),
            (
                b"{}".to_vec(),
                Some("ResourceNotFoundException:http://internal.amazon.com/coral/"),
                Some("ResourceNotFoundException"),
            ),
            (cbor, None, Some("InternalError")),
            (b"<html>no</html>".to_vec(), None, None),
            (Vec::new(), None, None),
        ] {
            let mut response = HttpResponse::new(400.try_into().expect("a status"), SdkBody::from(body));
            if let Some(header) = header {
                response.headers_mut().insert("x-amzn-errortype", header);
            }
            assert_eq!(code(&response).as_deref(), code_is);
        }
    }
}
