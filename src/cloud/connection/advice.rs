//! What to do about a call that failed, for the usual reasons.

use crate::cloud::CloudError;
use crate::cloud::connection::no_credentials::advice_on_credentials;

/// What to do; none where the service's own words are all there is to say.
pub(in crate::cloud) fn advice(error: &CloudError) -> Option<String> {
    match error.code.as_deref() {
        Some(code) => on_answer(error, code).map(str::to_owned),
        None => Some(advice_on_credentials(&error.message).unwrap_or_else(|| on_silence(&error.message).to_owned())),
    }
}

/// Codes that all services share
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>), and those that EC2
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>) and S3
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>) have instead.
fn on_answer(error: &CloudError, code: &str) -> Option<&'static str> {
    // `Signature expired: 20151221T200419Z is now earlier than 20151221T201450Z (20151221T201950Z - 5 min.)`, and
    // `Signature not yet current: …`
    let is_late = ["Signature expired", "Signature not yet current"]
        .iter()
        .any(|words| error.message.contains(words));
    if is_late || ["RequestTimeTooSkewed", "RequestInTheFuture"].contains(&code) {
        return Some(
            "this machine's clock is wrong: AWS takes a request only within minutes of its time. Set the clock \
             (`timedatectl` says whether it is kept right), then run the same command again",
        );
    }
    if code.contains("ExpiredToken") || error.message.contains("expired") && error.message.contains("token") {
        return Some(
            "the credentials have expired: log in again (`aws sso login`, or however you got them), then run the same \
             command; it goes on where this one stopped",
        );
    }
    if error.is_denied() {
        return Some(match error.message.contains("explicit deny") {
            true => {
                "a policy forbids it, and the message says of which kind: no permission that is added helps. Ask whoever \
                 administers the account"
            }
            false => {
                "the role or user that runs qfleet lacks this permission: the message names the action. `qfleet iam ENV` prints \
                 a policy with all that it needs"
            }
        });
    }
    match code {
        // In a region that is not enabled, AWS knows no credentials of the account
        // (<https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>).
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => Some(
            "AWS does not know these credentials: check the profile and AWS_ACCESS_KEY_ID. In a region that the account has \
             not enabled, AWS says the same: `aws sts get-caller-identity --region us-east-1` asks where all accounts are known",
        ),
        "RegionDisabledException" => Some(
            "the account has not enabled this region: choose another one, or enable it on the account page of the console",
        ),
        "SignatureDoesNotMatch" | "InvalidSignatureException" => Some(
            "the secret key doesn't belong to the access key: check AWS_SECRET_ACCESS_KEY, or the profile, for a character too \
             few or too many",
        ),
        "OptInRequired" | "NotSignedUp" | "AccountProblem" | "Blocked" | "PendingVerification" | "AccountSuspended" => {
            Some(
                "the account may not use this service: it is new and not verified yet, suspended, or something is unpaid. The \
             console's billing page says which; AWS Support helps",
            )
        }
        _ if error.is_throttling() => {
            Some("the account's request limit is used up by others, too: run the same command again in a minute")
        }
        _ => None,
    }
}

/// When nobody answered. The message says who, and what happened.
fn on_silence(message: &str) -> &'static str {
    let says = |words: &str| message.contains(words);
    if says("lookup address") || says("dns error") || says("Name or service not known") {
        return "there is no such host: check the region's name, --endpoint-url and AWS_ENDPOINT_URL, and whether this machine \
                is on the network";
    }
    if says("peer certificate") {
        return "this machine doesn't trust who answers there: often a proxy that opens TLS. SSL_CERT_FILE names a file with its \
                certificate";
    }
    if says("corrupt message") || says("InvalidContentType") {
        return "who listens there doesn't speak TLS: an endpoint without it begins with http://";
    }
    if says("Connection refused") {
        return "nobody listens there: check --endpoint-url and AWS_ENDPOINT_URL. For the emulator, say --local; `qfleet local start` starts it";
    }
    "no answer came, or none that can be read: check the network, a proxy (HTTPS_PROXY), the region and --endpoint-url"
}
