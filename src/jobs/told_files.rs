//! Which files a message tells of: an event of S3, as it is or in a notification of SNS, or a list of them as a stage before
//! makes it.

use serde_json::Value;

/// How deep an event may be wrapped.
const DEEPEST: usize = 2;

/// The keys of the files that a message's body tells of; none where it tells of something else.
pub fn told_files(body: &str) -> Vec<String> {
    read(body, DEEPEST).unwrap_or_default()
}

fn read(body: &str, deeper: usize) -> Option<Vec<String>> {
    let event: Value = serde_json::from_str(body).ok()?;
    if let (Some(inner), true) = (event["Message"].as_str(), deeper > 0) {
        return read(inner, deeper - 1);
    }
    let records = event["Records"].as_array()?;
    let keys = records
        .iter()
        .filter_map(|record| record["s3"]["object"]["key"].as_str());
    Some(keys.map(decoded).collect())
}

/// In events, keys are form-encoded
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>).
fn decoded(key: &str) -> String {
    let pair = format!("{}=", key.replace('=', "%3D").replace('&', "%26"));
    let decoded = form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map_or_else(|| key.to_owned(), |(key, _)| key.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_they_are_in_the_bucket() {
        let event = r#"{"Records": [{"s3": {"object": {"key": "uploads/a+b%2Bc%3Dd.txt"}}}, {"s3": {"object": {"key": "x=y&z"}}}]}"#;
        let files = ["uploads/a b+c=d.txt", "x=y&z"];
        assert_eq!(told_files(event), files);
        let notification = serde_json::json!({"Type": "Notification", "Message": event}).to_string();
        assert_eq!(told_files(&notification), files);
    }

    #[test]
    fn what_is_no_event_tells_of_no_file() {
        for body in [
            "nonsense",
            "",
            "7",
            "[]",
            r#"{"Records": 7}"#,
            r#"{"Records": [{"s3": {}}]}"#,
            r#"{"Event": "s3:TestEvent"}"#,
            r#"{"Message": "hello"}"#,
        ] {
            assert!(told_files(body).is_empty(), "{body}");
        }
    }
}
