//! How long an answer is waited for: whoever asks what is wrong doesn't wait for what is.

use std::time::Duration;

use tokio::time::timeout;

use super::check::{Mend, Read};
use crate::cloud::CloudError;

/// More than a throttled call takes with some retries.
const PATIENCE: Duration = Duration::from_secs(15);

/// The answer, if it comes in time.
pub(super) async fn within<T>(asked: impl Future<Output = Result<T, CloudError>>) -> Read<T> {
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(super::check::Unread {
            why: format!("no answer came within {} s", PATIENCE.as_secs()),
            mend: Mend::new("look at the network, the region and --endpoint-url, and ask again"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_comes_is_given_up() {
        let began = tokio::time::Instant::now();
        let never = std::future::pending::<Result<(), CloudError>>();
        let unread = within(never).await.expect_err("none came");
        assert_eq!(
            (began.elapsed(), unread.why.as_str()),
            (PATIENCE, "no answer came within 15 s")
        );
    }
}
