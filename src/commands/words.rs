//! Words of a command line: those that can be wrong before anybody is asked, and those of a command that is shown.

use crate::shell;

/// These flags as far as they were given, as in ` --yes --no-drain`.
pub(super) fn flags(all: &[(&str, bool)]) -> String {
    let given = all.iter().filter(|(_, is_given)| *is_given);
    given.map(|(flag, _)| format!(" {flag}")).collect()
}

/// This option once for each value, as in ` --only a --only b`.
pub(super) fn option<'a>(option: &str, values: impl IntoIterator<Item = &'a String>) -> String {
    let words = values
        .into_iter()
        .map(|value| format!(" {option} {}", shell::word(value)));
    words.collect()
}

type Parsed = Result<String, String>;

/// A region, also one that is newer than this program: `us-east-2`, `us-gov-west-1`.
pub(super) fn region(text: &str) -> Parsed {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_region = match parts.as_slice() {
        [area, middle @ .., number] => {
            let is_number = number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit());
            (2..=4).contains(&area.len())
                && is_word(area)
                && !middle.is_empty()
                && middle.iter().all(is_word)
                && is_number
        }
        _ => false,
    };
    match is_region {
        true => Ok(text.to_owned()),
        false => Err("a region of AWS is meant, such as us-east-2".into()),
    }
}

/// The ARN of a role, in any partition
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>).
pub(super) fn role_arn(text: &str) -> Parsed {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_role = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            let name = resource.strip_prefix("role/").unwrap_or_default();
            let is_name = !name.is_empty() && !name.ends_with('/') && name.bytes().all(|byte| byte.is_ascii_graphic());
            (*partition == "aws" || partition.starts_with("aws-")) && is_account && is_name
        }
        _ => false,
    };
    match is_role {
        true => Ok(text.to_owned()),
        false => Err("the ARN of a role is meant, such as arn:aws:iam::111122223333:role/deploys".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_a_region_is_taken_and_nothing_else() {
        for good in ["us-east-2", "us-gov-west-1", "ap-southeast-7", "eusc-de-east-1"] {
            assert_eq!(region(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "us",
            "us-east",
            "us-east-2a",
            "US-EAST-2",
            "us_east_2",
            "us--2",
            "us-east-22",
            "useast-2",
            "Ohio",
        ] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_can_be_a_roles_arn_is_taken_and_nothing_else() {
        for good in [
            "arn:aws:iam::111122223333:role/deploys",
            "arn:aws-us-gov:iam::111122223333:role/path/of/deploys",
        ] {
            assert_eq!(role_arn(good).as_deref(), Ok(good));
        }
        for bad in [
            "deploys",
            "role/deploys",
            "arn:aws:iam::1111:role/deploys",
            "arn:aws:iam::111122223333:user/ann",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam:us-east-2:111122223333:role/deploys",
            "arn:aws:sts::111122223333:assumed-role/deploys/me",
        ] {
            assert!(role_arn(bad).is_err(), "{bad}");
        }
    }
}
