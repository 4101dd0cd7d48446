//! Links with which somebody without credentials puts one file into a bucket: presigned POSTs, for which the SDK has no call
//! (<https://docs.aws.amazon.com/AmazonS3/latest/developerguide/sigv4-authentication-HTTPPOST.html>).

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::links::{Lifetime, unsigned};
use crate::cloud::{Cloud, CloudError, explain};

const OPERATION: &str = "PostObject";

/// The most bytes of "a single PUT operation", of which a form is another way
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>).
pub const LARGEST_POST: u64 = 5 << 30;

/// A form for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Where it is sent.
    pub url: String,
    /// Its fields, each with its value. The file comes after them: S3 ignores what follows it.
    pub fields: Vec<(&'static str, String)>,
    pub credentials: Lifetime,
}

impl Cloud {
    /// A form with which anybody can put this object until then, as far as these credentials may put it: again and again, in
    /// place of what is there. It may have so many bytes.
    ///
    /// # Errors
    /// When there are no credentials.
    pub async fn post(
        &self,
        bucket: &str,
        key: &str,
        largest: Option<u64>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Post, CloudError> {
        let (credentials, lifetime) = self.signer(OPERATION).await?;
        let mut url = self.url_of(bucket).await?;
        let at = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{}/{}/s3/aws4_request", now.strftime("%Y%m%d"), self.region);
        let credential = format!("{}/{scope}", credentials.access_key_id());
        if self.local {
            // A form says whose it is in its fields alone. The emulator looks at headers and queries, and would take the upload
            // for one of its default account and region: nobody there is told of it.
            url += &format!("?X-Amz-Credential={}", encoded(&credential));
        }
        let mut fields = vec![
            ("key", key.to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", credential),
            ("x-amz-date", at),
        ];
        if let Some(token) = credentials.session_token() {
            fields.push(("x-amz-security-token", token.to_owned()));
        }
        let policy = BASE64_STANDARD.encode(policy(bucket, &fields, largest, until).to_string());
        let signature = signature(credentials.secret_access_key(), now, &self.region, &policy);
        fields.push(("policy", policy));
        fields.push(("x-amz-signature", signature));
        Ok(Post {
            url,
            fields,
            credentials: lifetime,
        })
    }

    /// A bucket's own address, as the SDK knows it: that of its region, or the emulator's.
    async fn url_of(&self, bucket: &str) -> Result<String, CloudError> {
        const KEY: &str = "key";
        let presigning = PresigningConfig::expires_in(Duration::from_secs(1));
        let presigning = presigning.map_err(|error| unsigned(OPERATION, &error))?;
        let put = self.s3.put_object().bucket(bucket).key(KEY).presigned(presigning);
        let put = put.await.map_err(|error| explain(OPERATION, error))?;
        let address = put.uri().split('?').next().and_then(|uri| uri.strip_suffix(KEY));
        address
            .map(str::to_owned)
            .ok_or_else(|| unsigned(OPERATION, &format!("the address of the bucket {bucket} isn't known")))
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What S3 holds a form to: each of its fields has to be in here
/// (<https://docs.aws.amazon.com/AmazonS3/latest/developerguide/sigv4-HTTPPOSTConstructPolicy.html>).
fn policy(bucket: &str, fields: &[(&'static str, String)], largest: Option<u64>, until: Timestamp) -> Value {
    let bucket = json!({"bucket": bucket});
    let fields = fields.iter().map(|(name, value)| json!({*name: value}));
    let range = largest.map(|largest| json!(["content-length-range", 0, largest]));
    let conditions: Vec<Value> = std::iter::once(bucket).chain(fields).chain(range).collect();
    json!({
        "expiration": until.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "conditions": conditions,
    })
}

/// Of a policy as the form has it.
fn signature(secret: &str, at: Timestamp, region: &str, policy: &str) -> String {
    let key = generate_signing_key(secret, SystemTime::from(at), region, "s3");
    calculate_signature(key, policy.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://docs.aws.amazon.com/AmazonS3/latest/developerguide/sigv4-post-example.html>
    const POLICY: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tl\
         dCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAg\
         ICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhh\
         bXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwg\
         IiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAg\
         ICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXot\
         bWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkv\
         dXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwN\
         CiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";

    #[test]
    fn a_policy_is_signed_as_in_the_example_of_aws() {
        let at = "2015-12-29T00:00:00Z".parse().expect("a time");
        assert_eq!(
            signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", at, "us-east-1", POLICY),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn every_field_of_a_form_is_in_its_policy() {
        let fields = [
            ("key", "uploads/a \"b\" 🚚".to_owned()),
            ("x-amz-date", "20151229T000000Z".to_owned()),
        ];
        let until = "2015-12-30T12:00:00.7Z".parse().expect("a time");
        let conditions = |largest| policy("lab", &fields, largest, until)["conditions"].clone();
        let all = json!([{"bucket": "lab"}, {"key": "uploads/a \"b\" 🚚"}, {"x-amz-date": "20151229T000000Z"}]);
        assert_eq!(conditions(None), all);
        assert_eq!(conditions(Some(7))[3], json!(["content-length-range", 0, 7]));
        assert_eq!(
            policy("lab", &fields, None, until)["expiration"],
            "2015-12-30T12:00:00.000Z"
        );
    }
}
