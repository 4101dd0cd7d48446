//! `qfleet files ENV --upload-link KEY`

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Asked, end, expires};
use crate::deployed::address::Address;
use crate::environment::units::{Duration, Size};
use crate::error::Result;
use crate::jobs::destinations::Destinations;
use crate::jobs::upload_link;
use crate::report;

#[derive(Serialize, JsonSchema)]
pub(in crate::commands) struct UploadLinked<'a> {
    #[serde(flatten)]
    address: &'a Address,
    bucket: &'a str,
    key: &'a str,
    /// Where the form is sent, as `multipart/form-data`.
    url: &'a str,
    /// The form's fields, all of them to be sent as they are. The file comes last, in a field `file`.
    fields: BTreeMap<&'static str, &'a str>,
    /// How large the file may be, in bytes, where the link says so.
    max_size: Option<u64>,
    /// When it ends, as far as that is known: none with temporary credentials that don't say when they end.
    expires: Option<Timestamp>,
}

impl Asked<'_> {
    pub(super) async fn upload_link(
        &self,
        key: &str,
        length: Duration,
        max_size: Option<Size>,
        destinations: &Destinations,
    ) -> Result<()> {
        upload_link::check_watched(key, &destinations.intake()?)?;
        let now = Timestamp::now();
        let end = end(now, length)?;
        let max_size = max_size.map(Size::as_bytes);
        let post = self.cloud.post(self.bucket, key, max_size, now, end).await?;
        if let Some(warning) = destinations.for_no_stage(std::iter::once(key.to_owned())) {
            report::note(&report::files::warning(&warning));
        }
        // Who may only put can't know.
        if let Ok(Some(_)) = self.cloud.object_size(self.bucket, key).await {
            report::note(&report::files::warning(&format!(
                "{key} is there already: what is uploaded takes its place"
            )));
        }
        let document = UploadLinked {
            address: self.address,
            bucket: self.bucket,
            key,
            url: &post.url,
            fields: post
                .fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect(),
            max_size,
            expires: expires(post.credentials, end, now),
        };
        report::as_it_is(self.global.output, &document, || {
            report::files::upload(&post.url, &post.fields, key)
        });
        Ok(())
    }
}
