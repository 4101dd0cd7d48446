//! Each request to AWS: told to whoever wants to know (`--verbose`), and heeded when the service asks to slow down.

use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::cloud::connection::limiter::Limiter;

/// One request; a call that is retried is several.
#[derive(Debug)]
pub struct Call {
    /// E.g. `CloudFormation`.
    pub service: String,
    /// E.g. `DescribeStacks`.
    pub operation: String,
    /// The HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// How long the answer took.
    pub took: Duration,
}

/// Sees each request once it is answered.
#[derive(Debug)]
pub(in crate::cloud) struct Calls {
    pub on_call: Option<fn(&Call)>,
    /// Slowed down by throttling, which the SDK's retries would hide.
    pub limiter: Limiter,
}

#[derive(Debug)]
struct Began(Instant);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().store_put(Began(Instant::now()));
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
        let Some(on_call) = self.on_call else { return Ok(()) };
        let of = |read: fn(&Metadata) -> &str| cfg.load::<Metadata>().map(read).unwrap_or_default().to_owned();
        on_call(&Call {
            service: of(Metadata::service),
            operation: of(Metadata::name),
            status: context.response().map(|response| response.status().as_u16()),
            took: cfg.load::<Began>().map(|began| began.0.elapsed()).unwrap_or_default(),
        });
        Ok(())
    }
}
