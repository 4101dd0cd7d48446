//! The usual reasons for which AWS can't be used: each is one sentence that says what happened and where, and what to do.

use qfleet::cloud::Cloud;
use qfleet::error::Error;

use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::harness::{Output, Test};
use crate::lab;

/// What the SDK calls its layers by, and what no reader can use.
const NOISE: [&str; 6] = [
    "dispatch failure",
    "service error",
    "unhandled error",
    "other:",
    "an error occurred while loading credentials",
    "the credential provider was not enabled",
];

/// The error is one line, its help another; nothing is said twice.
#[track_caller]
fn is_plain(said: &Output) {
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", said.stderr);
    assert!(
        lines[0].starts_with("error: ") && lines[1].starts_with("  help: "),
        "{}",
        said.stderr
    );
    for noise in NOISE {
        assert!(!said.stderr.contains(noise), "{noise}: {}", said.stderr);
    }
    let mut parts: Vec<&str> = lines[0].split(": ").collect();
    let count = parts.len();
    parts.sort_unstable();
    parts.dedup();
    assert_eq!(parts.len(), count, "said twice: {}", said.stderr);
}

fn list(args: &[&str]) -> Test {
    Test::new()
        .env("AWS_REGION", "us-east-2")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .args(["list"])
        .args(args.iter().copied())
        .status(1)
}

/// What services refuse with. The texts are those of the pages that are named, or of users who report them.
#[test]
fn what_aws_refuses_says_what_to_do() {
    for (status, code, message, help) in [
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/somebody is not authorized to perform: cloudformation:DescribeStacks on \
             resource: arn:aws:cloudformation:us-east-2:111122223333:stack/* because no identity-based policy allows the \
             cloudformation:DescribeStacks action",
            "the role or user that runs qfleet lacks this permission: the message names the action. `qfleet iam ENV` prints",
        ),
        // https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/somebody is not authorized to perform: cloudformation:DescribeStacks on \
             resource: arn:aws:cloudformation:us-east-2:111122223333:stack/* with an explicit deny in a service control \
             policy: arn:aws:organizations::444455556666:policy/o-exampleorgid/service_control_policy/p-example",
            "a policy forbids it, and the message says of which kind: no permission that is added helps",
        ),
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html
        (
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
            "the credentials have expired: log in again",
        ),
        // https://repost.aws/knowledge-center/iam-credentials-token
        (
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            "AWS does not know these credentials: check the profile and AWS_ACCESS_KEY_ID. In a region that the account has \
             not enabled",
        ),
        // https://github.com/EngineerBetter/control-tower/issues/51
        (
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20191029T154623Z is now earlier than 20191029T163344Z (20191029T164844Z - 15 min.)",
            "this machine's clock is wrong",
        ),
        // https://github.com/JuliaCloud/AWS.jl/issues/206
        (
            400,
            "InvalidSignatureException",
            "Signature not yet current: 20201002T065532Z is still later than 20201002T062118Z (20201002T061618Z + 5 min.)",
            "this machine's clock is wrong",
        ),
        // https://github.com/aws/aws-sdk-php/issues/612
        (
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            "this machine's clock is wrong",
        ),
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
        (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
             and signing method. Consult the service documentation for details.",
            "the secret key doesn't belong to the access key",
        ),
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
        (
            403,
            "OptInRequired",
            "The AWS Access Key Id needs a subscription for the service",
            "the account may not use this service: it is new and not verified yet, suspended",
        ),
    ] {
        let refused = Fault::refuse(status, code, message);
        let endpoint = Endpoint::serve(Script::new().fault(On::everything(), refused));
        let said = lab::at(&endpoint)
            .env("AWS_REGION", "us-east-2")
            .args(["list"])
            .status(1)
            .stderr_contains(format!("error: GetCallerIdentity failed: {message}"))
            .stderr_contains(format!("\n  help: {help}"))
            .run();
        is_plain(&said);
    }
}

#[test]
fn who_has_no_credentials_is_told_how_to_get_some() {
    let said = list(&[])
        .stderr_contains("error: there are no AWS credentials: neither the environment nor a profile has any")
        .stderr_contains(
            "help: name a profile that has some with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and",
        )
        .stderr_contains("to make a profile: `aws configure sso`")
        .run();
    is_plain(&said);
    // The rest of the chain.
    list(&["-v"])
        .stderr_contains("  STS GetCallerIdentity (call 1): not sent\n")
        .stderr_contains("    because: no credentials found in chain. Attempted: Environment: ")
        .run();
}

#[test]
fn half_a_key_pair_is_told_from_none() {
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    for (set, missing, blank) in [(id, secret, None), (secret, id, None), (id, secret, Some(" "))] {
        let test = list(&[]).env(set, "AKIAIOSFODNN7EXAMPLE");
        let test = match blank {
            // A pipeline's secret that isn't there is an empty text.
            Some(blank) => test.env(missing, blank),
            None => test,
        };
        let said = test
            .stderr_contains(format!(
                "error: there are no AWS credentials: {set} is set, and {missing} isn't, no profile has any"
            ))
            .stderr_contains(format!(
                "help: set {missing}, too, as a pipeline does from a secret; or unset {set}, and"
            ))
            .run();
        is_plain(&said);
    }
    // Of a profile that an option names, the environment's keys are no part.
    let said = list(&["--profile", "default"]).env(id, "AKIAIOSFODNN7EXAMPLE").run();
    assert!(!said.stderr.contains("is set, and"), "{}", said.stderr);
}

/// A pipeline's variable that isn't set is an empty text, and STS is asked for a role without a name.
#[test]
fn a_web_identity_without_its_role_is_told_from_others() {
    let token = "AWS_WEB_IDENTITY_TOKEN_FILE";
    for role in [None, Some("")] {
        let test = list(&[]).file("token", "a.b.c").env(token, "token");
        let test = match role {
            Some(role) => test.env("AWS_ROLE_ARN", role),
            None => test,
        };
        let said = test
            .stderr_contains(format!(
                "error: there are no AWS credentials: {token} is set, and AWS_ROLE_ARN isn't, no profile has any"
            ))
            .stderr_contains("help: set AWS_ROLE_ARN, too, to the role that the token is for")
            .run();
        is_plain(&said);
    }
}

const SSO: &str = "\
[profile team]
sso_session = admin
sso_account_id = 111122223333
sso_role_name = deploy
[profile role]
role_arn = arn:aws:iam::111122223333:role/deploy
source_profile = team
[sso-session admin]
sso_region = us-east-2
sso_start_url = https://d-92671207e4.awsapps.com/start
";

#[test]
fn whoever_must_log_in_again_is_told_how() {
    // Named by the SHA-1 of the session's name, as in `credentials`.
    let cached = "home/.aws/sso/cache/d033e22ae348aeb5660fc2140aec35850c4da997.json";
    let expired = r#"{"accessToken": "token", "expiresAt": "2020-01-01T00:00:00Z"}"#;
    for (profile, token) in [("team", None), ("team", Some(expired)), ("role", Some(expired))] {
        let test = list(&["--profile", profile]).file("home/.aws/config", SSO);
        let test = match token {
            Some(token) => test.file(cached, token),
            None => test,
        };
        let said = test
            .stderr_contains(
                "error: the login to IAM Identity Center has expired for the profile `team`, or nobody has logged in",
            )
            .stderr_contains("help: `aws sso login --profile team`, then run the same command again\n")
            .run();
        is_plain(&said);
    }
}

#[test]
fn a_profile_that_gives_no_credentials_says_why() {
    let said = list(&["--profile", "lonely"])
        .file(
            "home/.aws/config",
            "[profile lonely]\nrole_arn = arn:aws:iam::111122223333:role/deploy\n",
        )
        .stderr_contains("error: the AWS configuration gives no credentials: ")
        .stderr_contains("help: correct the profile in ~/.aws/config or ~/.aws/credentials")
        .run();
    is_plain(&said);
    let said = list(&["--profile", "program"])
        .file(
            "home/.aws/config",
            "[profile program]\ncredential_process = sh -c 'echo no vault >&2; exit 1'\n",
        )
        .stderr_contains("error: no credentials came from the `credential_process` of the profile `program`: ")
        .stderr_contains("no vault")
        .run();
    is_plain(&said);
}

#[test]
fn who_cannot_be_reached_is_named_with_what_to_check() {
    let endpoint = Endpoint::serve(Script::new());
    let plain = endpoint.url().replace("http://", "https://");
    for (url, why, help) in [
        (
            "http://127.0.0.1:9",
            "Connection refused",
            "nobody listens there: check --endpoint-url",
        ),
        (
            "http://cloudformation.nowhere.invalid",
            "lookup address",
            "there is no such host: check the region's name",
        ),
        (
            &plain,
            "",
            "who listens there doesn't speak TLS: an endpoint without it begins with http://",
        ),
    ] {
        let said = list(&["--endpoint-url", url])
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stderr_contains(format!("error: GetCallerIdentity failed: {url} can't be reached: "))
            .stderr_contains(why)
            .stderr_contains(format!("\n  help: {help}"))
            .run();
        is_plain(&said);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_or_never_answered_says_so_after_all_attempts() {
    let throttled = Fault::refuse(400, "ThrottlingException", "Rate exceeded");
    for (fault, says, help) in [
        (
            throttled,
            "PutParameter failed: Rate exceeded",
            "request limit is used up",
        ),
        (Fault::Stall, "did not answer within 20 s (tried ", "check the network"),
    ] {
        let endpoint = Endpoint::in_memory(Script::new().fault(On::everything(), fault));
        let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
        let error = cloud.put_parameter("/qfleet/lab/expires", "later").await;
        let error = Error::from(error.expect_err("no answer"));
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.help().is_some_and(|is| is.contains(help)), "{:?}", error.help());
        assert!(endpoint.calls("PutParameter").len() > 1);
    }
}
