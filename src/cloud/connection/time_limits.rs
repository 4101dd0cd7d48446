//! How long a call may take, how often it is tried again, and what is said when no answer came, or none that is whole.
//!
//! The SDK counts attempts, and its own limit for all of them would hide why the last one failed. So it is told to stop
//! trying once there is no time for another attempt.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::interceptors::context::Error as Erased;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{Metadata, OrchestratorError};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use tokio::time::Instant;

use crate::cloud::connection::lost_answer::lost;
use crate::cloud::connection::sending::{STANDS_STILL, StandsStill, is_watched};

/// How long connecting to a service may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a service that has never answered is tried: its name, the region or the network is wrong.
const REACH: Duration = Duration::from_secs(5);
const BETWEEN_REACHES: Duration = Duration::from_millis(1500);

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// One attempt, until its answer was read.
    attempt: Duration,
    all: Duration,
    /// It sends something that may take any time, as long as it moves.
    is_watched: bool,
}

impl Storable for Limits {
    type Storer = StoreReplace<Self>;
}

const READ: Limits = Limits {
    attempt: Duration::from_secs(10),
    all: Duration::from_secs(33),
    is_watched: false,
};
/// What changes something, or lists a bucket, may take longer, and had better be waited for. Four attempts.
const WRITE: Limits = Limits {
    attempt: Duration::from_secs(20),
    all: Duration::from_secs(90),
    is_watched: false,
};
/// S3 may take "several minutes" to put the parts of an object together
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>).
const COMPLETE: Limits = Limits {
    attempt: Duration::from_secs(15 * 60),
    all: Duration::from_secs(31 * 60),
    is_watched: false,
};
/// A function may run for a quarter of an hour
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const INVOKE: Limits = Limits {
    attempt: Duration::from_secs(15 * 60 + 30),
    all: Duration::from_secs(16 * 60),
    is_watched: false,
};
/// An object that is put. Three attempts, each as long as it moves.
const PUT: Limits = Limits {
    attempt: STANDS_STILL,
    all: Duration::MAX,
    is_watched: true,
};
const PUTS: u32 = 3;
/// Any other body gets the time that it needs on a slow line shared with fifteen others.
const SLOWEST_BYTES_A_SECOND: u64 = 8 << 10;

impl Limits {
    fn of(service: &str, operation: &str, body: Option<u64>) -> Limits {
        if is_watched(["PutObject", "UploadPart"].contains(&operation), body) {
            return PUT;
        }
        let reads = ["Describe", "Get", "Head", "List", "Receive"];
        let is_read = reads.iter().any(|verb| operation.starts_with(verb));
        let limits = match operation {
            "CompleteMultipartUpload" => COMPLETE,
            "Invoke" => INVOKE,
            _ if is_read && service != "S3" => READ,
            _ => WRITE,
        };
        let sending = Duration::from_secs(body.unwrap_or_default() / SLOWEST_BYTES_A_SECOND);
        Limits {
            attempt: limits.attempt + sending,
            all: limits.all + 2 * sending,
            ..limits
        }
    }
}

#[derive(Debug)]
struct Began(Instant);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

#[derive(Debug)]
struct Server(String);

impl Storable for Server {
    type Storer = StoreReplace<Self>;
}

/// Keeps one service's calls within their time.
#[derive(Debug, Default)]
pub(in crate::cloud) struct TimeLimits {
    /// Whether the service ever answered.
    answered: Arc<AtomicBool>,
}

/// What holds before the limits of a call are known.
pub(in crate::cloud) fn timeouts() -> TimeoutConfig {
    of(READ)
}

fn of(limits: Limits) -> TimeoutConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT);
    let timeouts = match limits.is_watched {
        true => timeouts.disable_read_timeout().disable_operation_attempt_timeout(),
        false => timeouts
            .read_timeout(limits.attempt)
            .operation_attempt_timeout(limits.attempt),
    };
    timeouts.build()
}

#[dyn_dispatch_hint]
impl Intercept for TimeLimits {
    fn name(&self) -> &'static str {
        "time limits"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(Began(Instant::now()));
        Ok(())
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().content_length();
        if let Some(call) = cfg.load::<Metadata>() {
            let limits = Limits::of(call.service(), call.name(), body);
            cfg.interceptor_state().store_put(of(limits)).store_put(limits);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let server: url::Url = context.request().uri().parse()?;
        cfg.interceptor_state()
            .store_put(Server(server.origin().ascii_serialization()));
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(call) = cfg.load::<Metadata>() else {
            return Ok(());
        };
        let (Some(response), Some(outcome)) = (context.response(), context.output_or_error()) else {
            return Ok(());
        };
        let parsed = match outcome {
            Ok(_) => true,
            Err(error) if error.is_operation_error() => false,
            Err(_) => return Ok(()),
        };
        let body = response.body().bytes();
        if response.status().is_success()
            && let Some(body) = body
            && let Some(lost) = lost(call.service(), call.name(), parsed, body)
            && let Some(outcome) = context.output_or_error_mut()
        {
            // The SDK tries again what failed so.
            *outcome = Err(OrchestratorError::response(lost.into()));
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some() {
            self.answered.store(true, Ordering::Relaxed);
        }
        let Some(Err(error)) = context.output_or_error() else {
            return Ok(());
        };
        let (Some(Began(began)), Some(limits)) = (cfg.load::<Began>(), cfg.load::<Limits>()) else {
            return Ok(());
        };
        let (Some(attempts), Some(retries)) = (cfg.load::<RequestAttempts>(), cfg.load::<RetryConfig>()) else {
            return Ok(());
        };
        let (elapsed, answered) = (began.elapsed(), self.answered.load(Ordering::Relaxed));
        let mut retries = retries.clone();
        let is_over = match error.as_connector_error() {
            Some(error) if !answered && is_unreached(error) => {
                retries = retries.with_max_backoff(BETWEEN_REACHES);
                elapsed >= REACH
            }
            _ if limits.is_watched => attempts.attempts() >= PUTS,
            // Another one would take just as long.
            Some(_) => elapsed + limits.attempt > limits.all,
            None if error.is_timeout_error() => elapsed + limits.attempt > limits.all,
            None => elapsed >= limits.all,
        };
        if is_over {
            retries = retries.with_max_attempts(attempts.attempts());
        }
        cfg.interceptor_state().store_put(retries);
        Ok(())
    }

    fn modify_before_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(Began(began)), Some(limits), Some(Server(server))) =
            (cfg.load::<Began>(), cfg.load::<Limits>(), cfg.load::<Server>())
        else {
            return Ok(());
        };
        let Some(Err(error)) = context.output_or_error() else {
            return Ok(());
        };
        let Some(what) = what(error, server, limits.attempt) else {
            return Ok(());
        };
        let attempts = cfg.load::<RequestAttempts>().map_or(1, RequestAttempts::attempts);
        let tries = match attempts {
            1 => "tried once".to_owned(),
            attempts => format!("tried {attempts} times in {} s", began.elapsed().as_secs()),
        };
        let said = format!("{what} ({tries})");
        if let Some(outcome) = context.output_or_error_mut()
            && let Err(error) = outcome
        {
            let nothing = OrchestratorError::other("taken");
            let cause = std::mem::replace(error, nothing);
            let no_answer = NoAnswer { said, cause };
            *error = OrchestratorError::connector(ConnectorError::other(no_answer.into(), None));
        }
        Ok(())
    }
}

/// What happened, when no answer came or none that is whole.
fn what(error: &OrchestratorError<Erased>, server: &str, attempt: Duration) -> Option<String> {
    if let Some(error) = error.as_connector_error()
        && let Some(still) = chain(error).find_map(|cause| cause.downcast_ref::<StandsStill>())
    {
        return Some(format!("{server} {still}"));
    }
    if let Some(error) = error.as_connector_error() {
        return Some(match is_unreached(error) {
            true => format!("{server} can't be reached: {}", root_cause(error)),
            false => format!("{server} did not answer within {} s", attempt.as_secs()),
        });
    }
    if error.is_timeout_error() {
        return Some(format!("{server} did not answer within {} s", attempt.as_secs()));
    }
    if !error.is_response_error() {
        return None;
    }
    Some(format!("the answer of {server} is lost: {}", root_cause(error)))
}

/// Whether it failed before there was a connection to wait for an answer on.
fn is_unreached(error: &ConnectorError) -> bool {
    // "HTTP connect timeout occurred after 3s", "HTTP read timeout occurred after 15s"
    !error.is_timeout() || chain(error).any(|cause| cause.to_string().contains("HTTP connect"))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost cause, which says it best: "Connection refused (os error 111)".
fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// A call without an answer, after all attempts.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct NoAnswer {
    said: String,
    #[source]
    cause: OrchestratorError<Erased>,
}

/// Why a call has no answer, when it has none.
pub(in crate::cloud) fn no_answer(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error)
        .find_map(|cause| cause.downcast_ref::<NoAnswer>())
        .map(ToString::to_string)
}
