//! What a worker finds around it: the contract of `examples/mover/README.md`, and nothing of the user's AWS
//! configuration.

use std::ffi::OsString;
use std::path::Path;

/// Everything that an environment is made of.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub endpoint: &'a str,
    /// Where the supervisor answers as Auto Scaling.
    pub autoscaling: &'a str,
    /// Where the instance's metadata are.
    pub metadata: &'a str,
    /// The stack's `WorkerEnvironment`.
    pub settings: &'a [(String, String)],
    /// What its secrets say.
    pub secrets: &'a [(String, String)],
    /// `$STATE_DIRECTORY`.
    pub state: &'a Path,
    /// `$TMPDIR`.
    pub temporary: &'a Path,
}

/// The variables of ours that a worker gets.
const KEPT: [&str; 3] = ["PATH", "LANG", "LC_ALL"];
/// For how long a worker's request waits for messages here: an idle one ends once it is answered, and a call to the emulator
/// costs nothing.
const POLL_SECONDS: &str = "1";
/// Settings of AWS SDKs that could lead them off this machine, or to credentials that are real.
const DROPPED: [&str; 10] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
];

/// The whole environment of a worker, of which `ours` is looked up by name.
pub(super) fn variables(
    around: &Surroundings<'_>,
    ours: impl Fn(&str) -> Option<OsString>,
) -> Vec<(OsString, OsString)> {
    let mut all: Vec<(OsString, OsString)> = Vec::new();
    let mut set = |name: &str, value: OsString| {
        all.retain(|(known, _)| known != name);
        all.push((name.into(), value));
    };
    for name in KEPT {
        if let Some(value) = ours(name) {
            set(name, value);
        }
    }
    set("HOME", around.state.into());
    set("STATE_DIRECTORY", around.state.into());
    set("TMPDIR", around.temporary.into());
    set("QFLEET_POLL_SECONDS", POLL_SECONDS.into());
    for (name, value) in around.settings.iter().chain(around.secrets) {
        if !DROPPED.contains(&name.as_str()) && !name.starts_with("AWS_ENDPOINT_URL") {
            set(name, value.into());
        }
    }
    for (name, value) in [
        ("AWS_REGION", around.region),
        ("AWS_DEFAULT_REGION", around.region),
        // The emulator takes a key id of twelve digits for the account. To AWS it means nothing.
        ("AWS_ACCESS_KEY_ID", around.account),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_ENDPOINT_URL", around.endpoint),
        // A service's own endpoint comes before the one of all services
        // (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
        ("AWS_ENDPOINT_URL_AUTO_SCALING", around.autoscaling),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", around.metadata),
        // All of it is on loopback, where no proxy has a say.
        ("NO_PROXY", "127.0.0.1,localhost"),
        ("no_proxy", "127.0.0.1,localhost"),
    ] {
        set(name, value.into());
    }
    all
}

/// The environment of an `install`: its way to the internet is ours, as an instance has one.
pub(super) fn of_install(
    settings: &[(String, String)],
    home: &Path,
    ours: impl Fn(&str) -> Option<OsString>,
) -> Vec<(OsString, OsString)> {
    const WAY: [&str; 6] = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ];
    let kept = KEPT.into_iter().chain(WAY).chain(["SSL_CERT_FILE"]);
    let mut all: Vec<(OsString, OsString)> = kept.filter_map(|name| Some((name.into(), ours(name)?))).collect();
    let dropped = |name: &str| DROPPED.contains(&name) || name == "PATH" || name.starts_with("AWS_ENDPOINT_URL");
    let settings = settings.iter().filter(|(name, _)| !dropped(name));
    all.extend(settings.map(|(name, value)| (name.into(), value.into())));
    all.push(("HOME".into(), home.into()));
    // The sign that this is no instance.
    all.push(("QFLEET_LOCAL".into(), "yes".into()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_worker_sees_its_settings_and_nothing_that_leads_to_aws() {
        let settings = [
            ("QFLEET_STAGE", "move"),
            ("PATH", "/opt/tools"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_PROFILE", "production"),
            ("AWS_ENDPOINT_URL_S3", "https://s3.amazonaws.com"),
            ("AWS_ACCESS_KEY_ID", "AKIAREAL"),
            ("HTTP_PROXY", "http://proxy:3128"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let around = Surroundings {
            account: "000000000000",
            region: "us-east-2",
            endpoint: "http://127.0.0.1:4566",
            autoscaling: "http://127.0.0.1:1",
            metadata: "http://127.0.0.1:2",
            settings: &settings,
            secrets: &[("DB_PASSWORD".into(), "a $b\nc".into())],
            state: Path::new("/i/state"),
            temporary: Path::new("/i/tmp"),
        };
        let ours = |name: &str| Some(format!("our {name}").into());
        let made = variables(&around, ours);
        let made: BTreeMap<String, String> = made
            .into_iter()
            .map(|(name, value)| (name.into_string().expect("text"), value.into_string().expect("text")))
            .collect();
        for (name, value) in [
            ("QFLEET_STAGE", "move"),
            ("PATH", "/opt/tools"),
            ("LANG", "our LANG"),
            ("DB_PASSWORD", "a $b\nc"),
            ("HOME", "/i/state"),
            ("STATE_DIRECTORY", "/i/state"),
            ("TMPDIR", "/i/tmp"),
            ("QFLEET_POLL_SECONDS", "1"),
            ("AWS_REGION", "us-east-2"),
            ("AWS_ACCESS_KEY_ID", "000000000000"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_ENDPOINT_URL_AUTO_SCALING", "http://127.0.0.1:1"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:2"),
            ("NO_PROXY", "127.0.0.1,localhost"),
        ] {
            assert_eq!(made.get(name).map(String::as_str), Some(value), "{name}");
        }
        for name in ["AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"] {
            assert_eq!(made.get(name), None, "{name}");
        }
    }
}
