//! What an environment may be called.

use super::problem::Problem;

/// What keeps a name from being an environment's, whatever else its file says. It is said of the file's `name`.
pub(super) fn problem(name: &str) -> Option<Problem> {
    if name.ends_with("-artifacts") {
        let problem = Problem::new("/name", "an environment's name can't end in `-artifacts`");
        return Some(problem.help("the bucket of another environment could be called the same; choose another ending"));
    }
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    let refused = ["sthree-", "amzn-s3-demo-"];
    let prefix = refused.iter().find(|prefix| format!("{name}-").starts_with(**prefix))?;
    let problem = Problem::new("/name", format!("S3 refuses buckets whose names start with `{prefix}`"));
    Some(problem.help("the name is the beginning of the buckets' names; choose another"))
}

/// The same of a name that stands in no file, on one line; its form, too.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn check(name: &str) -> Result<(), String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts || !name.split('-').all(is_word) || !(2..=24).contains(&name.len()) {
        return Err("it must be 2 to 24 lower-case letters, digits and single hyphens, starting with a letter".into());
    }
    match problem(name) {
        Some(Problem { message, help, .. }) => {
            let help = help.map_or(String::new(), |help| format!(": {help}"));
            Err(format!("{message}{help}"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::environment::schema;

    #[test]
    fn a_name_is_what_the_schema_takes_for_one() {
        let of_file = &schema()["properties"]["name"];
        let longest = "a".repeat(24);
        let too_long = "a".repeat(25);
        let names = [
            "lab",
            "a1",
            "photo-lab",
            "a-1-b",
            longest.as_str(),
            too_long.as_str(),
            "",
            "a",
            "1a",
            "-lab",
            "lab-",
            "photo--lab",
            "Lab",
            "photo_lab",
            "lab.yaml",
            "läb",
            "lab ",
            "lab\n",
        ];
        for name in names {
            let is_name = jsonschema::is_valid(of_file, &Value::from(name));
            assert_eq!(check(name).is_ok(), is_name, "{name:?}");
        }
    }

    #[test]
    fn what_would_be_refused_of_a_file_is_refused_at_once() {
        for (name, why) in [
            ("lab-artifacts", "can't end in `-artifacts`: the bucket of another"),
            ("sthree", "names start with `sthree-`"),
            ("amzn-s3-demo-lab", "names start with `amzn-s3-demo-`"),
        ] {
            let said = check(name).expect_err(name);
            assert!(said.contains(why), "{said}");
        }
    }
}
