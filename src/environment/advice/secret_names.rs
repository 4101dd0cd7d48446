//! Variables that look like secrets by their names: they can be read by more people than those who may read secrets.

use std::collections::BTreeMap;

use crate::environment::Workers;
use crate::environment::problem::Problem;
use crate::environment::source::child;

/// One or two words of a name, as between its `_`.
const SECRET: [&[&str]; 14] = [
    &["PASSWORD"],
    &["PASSWD"],
    &["PASSPHRASE"],
    &["SECRET"],
    &["TOKEN"],
    &["CREDENTIALS"],
    &["APIKEY"],
    &["API", "KEY"],
    &["ACCESS", "KEY"],
    &["SECRET", "KEY"],
    &["PRIVATE", "KEY"],
    &["SIGNING", "KEY"],
    &["ENCRYPTION", "KEY"],
    &["SSH", "KEY"],
];
/// The last word of a name that says where something is, or something else about it.
const ABOUT: [&str; 20] = [
    "PATH", "ARN", "NAME", "FILE", "FILENAME", "DIR", "URL", "URI", "ENDPOINT", "HOST", "ID", "TYPE", "HEADER",
    "LENGTH", "LIMIT", "COUNT", "TTL", "SECONDS", "TIMEOUT", "ENABLED",
];

pub(super) fn advise(at: &str, workers: &Workers, advice: &mut Vec<Problem>) {
    if let Some(instances) = &workers.instances {
        let help = match &instances.program {
            Some(_) => NAME_IT,
            None => "keep it in Systems Manager or in Secrets Manager, and have the worker read it there",
        };
        let place = "the launch template";
        look(
            &format!("{at}/instances/environment"),
            &instances.environment,
            place,
            help,
            advice,
        );
    }
    if let Some(lambda) = &workers.lambda {
        let place = "the function's configuration";
        look(
            &format!("{at}/lambda/environment"),
            &lambda.environment,
            place,
            NAME_IT,
            advice,
        );
    }
}

const NAME_IT: &str = "keep it in Systems Manager or in Secrets Manager, and name it in `secrets` (docs/secrets.md)";

fn look(at: &str, variables: &BTreeMap<String, String>, place: &str, help: &str, advice: &mut Vec<Problem>) {
    for name in variables.keys().filter(|name| is_secret(name)) {
        let message = format!("`{name}` looks like a secret, and can be read in {place}");
        advice.push(Problem::new(child(at, name), message).help(help).on_key());
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let says_where = words.last().is_some_and(|last| ABOUT.contains(last));
    let names_one = |secret: &&[&str]| words.windows(secret.len()).any(|some| some == *secret);
    !says_where && SECRET.iter().any(names_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_about_them() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "db_password",
            "PG_PASSWD",
            "CLIENT_SECRET",
            "SECRET_KEY",
            "GITHUB_TOKEN",
            "TOKEN_2",
            "API_KEY",
            "STRIPE_API_KEY_LIVE",
            "APIKEY",
            "PRIVATE_KEY",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "",
            "_",
            "TOKENIZER",
            "MAX_TOKENS",
            "SECRETS_PATH",
            "SECRET_ARN",
            "SECRET_NAME",
            "PASSWORD_FILE",
            "TOKEN_URL",
            "TOKEN_TTL",
            "AWS_ACCESS_KEY_ID",
            "KEY",
            "API",
            "KEY_API",
            "OBJECT_KEY",
            "PRIVATE",
            "MODE",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
