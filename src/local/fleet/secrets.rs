//! What a worker's secrets say, read before each of its starts, as `templates/worker/secrets.sh` does it on an instance.

use crate::cloud::{Cloud, CloudError};
use crate::error::{Error, Result};

/// The setting that says where they are kept: `DB_PASSWORD=/app/db API_KEY=arn:…`.
const PLACES: &str = "QFLEET_SECRETS";

/// The variables that a worker with these settings gets beside them.
///
/// # Errors
/// A failure that names the first one that can't be given.
pub(super) async fn read(cloud: &Cloud, settings: &[(String, String)]) -> Result<Vec<(String, String)>> {
    let places = settings.iter().filter(|(name, _)| name == PLACES);
    let pairs = places.flat_map(|(_, text)| text.split(' ').filter_map(|pair| pair.split_once('=')));
    let mut all = Vec::new();
    for (name, place) in pairs {
        let value = match value(cloud, place).await {
            Ok(Some(value)) => match unfit(&value) {
                None => Ok(value),
                Some(why) => Err(why.to_owned()),
            },
            Ok(None) => Err("the emulator has no text of that name".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let value = value.map_err(|why| {
            Error::failed(format!(
                "the worker doesn't start without the secret {name} ({place}): {why}"
            ))
        })?;
        all.push((name.to_owned(), value));
    }
    Ok(all)
}

async fn value(cloud: &Cloud, place: &str) -> std::result::Result<Option<String>, CloudError> {
    match place.starts_with('/') {
        true => cloud.secure_parameter(place).await,
        false => cloud.secret(place).await,
    }
}

/// Why it could not be given on an instance, where systemd reads it.
fn unfit(value: &str) -> Option<&'static str> {
    let is_refused = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n');
    if value.contains(is_refused) {
        return Some(
            "it has a control character, such as the carriage return of a Windows file; only tabs and new lines can be \
             given",
        );
    }
    let is_none = value.contains(['\u{feff}', '\u{fffe}', '\u{ffff}']);
    is_none.then_some("it has a byte order mark, or what is no character")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_instance_could_not_be_given_is_not_given_here() {
        for fit in ["", "a\tb\nc\n", "$\"'\\ `%", "\u{80}😀"] {
            assert_eq!(unfit(fit), None, "{fit:?}");
        }
        for unfit_one in ["a\r\n", "\0", "\u{7f}", "\u{1b}[0m", "\u{feff}a", "\u{ffff}"] {
            assert!(unfit(unfit_one).is_some(), "{unfit_one:?}");
        }
    }
}
