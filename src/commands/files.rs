//! `qfleet files ENV`

pub(super) mod upload_link;

use std::path::PathBuf;

use clap::Args;
use futures_util::future::try_join;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::global::Global;
use super::named::Named;
use crate::cloud::Cloud;
use crate::cloud::s3::links::{LONGEST_LINK, Lifetime};
use crate::cloud::s3::posts::LARGEST_POST;
use crate::deployed::address::Address;
use crate::environment::units::{Duration, Size};
use crate::error::{Error, Result};
use crate::jobs::{self, download};
use crate::observe::files::{Held, held};
use crate::report;

/// Arguments of `files`.
#[derive(Debug, Args)]
#[command(after_help = "\
How many files are under the watched prefix (`uploaded`, and `waiting` in JSON), how many are under the prefix `processed` of the \
environment file, and the newest of each. An uploaded file may wait in the queue, be in a worker's hands, be a dead letter, or be done \
and left in its place: where it lies doesn't say which. `qfleet status` counts the messages of each kind. Counting takes a call for a thousand files; files that come and go \
meanwhile may or may not be counted.

A link gives whoever has it one file, until it expires. Nothing else is made public. It is signed with the credentials \
that qfleet has, and expires with them, if that is earlier. It can't be revoked.

An upload link is for one key under the watched prefix, for whoever has it. Until it expires it can be used again, \
and replaces what is there by then. What is printed is a command for curl that sends the file of that name; \
--output json has the form \
itself, for a page: its fields, and after them the file. A page on another site needs `browsers` in the environment file.

--get writes the file once all of it has come, and never overwrites another one.

Examples:
  qfleet files lab
  qfleet files lab --link processed/cat.jpg --for 10m    to look at it in a browser
  qfleet files lab --upload-link uploads/cat.jpg --max-size 20MiB
  qfleet files lab --get processed/cat.jpg               into this folder
  qfleet files lab --get processed/cat.jpg --to cats/")]
pub struct Files {
    #[command(flatten)]
    which: Named,
    /// Print a link to this file
    #[arg(long, value_name = "KEY", group = "links", conflicts_with = "get", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    link: Option<String>,
    /// Print a link to upload this file with
    #[arg(long, value_name = "KEY", group = "links", conflicts_with = "get", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    upload_link: Option<String>,
    /// How long the link is good for, 7d at most
    #[arg(long = "for", value_name = "LENGTH", default_value = "1h", requires = "links")]
    length: Duration,
    /// How large the uploaded file may be, 5 GiB at most
    #[arg(long, value_name = "SIZE", requires = "upload_link")]
    max_size: Option<Size>,
    /// Download this file
    #[arg(long, value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    get: Option<String>,
    /// File or folder to write it to
    #[arg(long, value_name = "PATH", requires = "get")]
    to: Option<PathBuf>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    address: &'a Address,
    bucket: &'a str,
    /// What is under the watched prefix: what waits for a worker, and what workers left there when they were done with it.
    waiting: Held,
    /// What workers are done with.
    processed: Held,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Linked<'a> {
    #[serde(flatten)]
    address: &'a Address,
    bucket: &'a str,
    key: &'a str,
    url: &'a str,
    /// When it ends, as far as that is known: none with temporary credentials that don't say when they end.
    expires: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Got<'a> {
    #[serde(flatten)]
    address: &'a Address,
    bucket: &'a str,
    key: &'a str,
    /// The file that was written.
    path: &'a str,
    /// Its size in bytes.
    bytes: u64,
}

impl Files {
    pub fn run(self, global: &Global) -> Result<()> {
        let too_long = self.length.as_secs() > LONGEST_LINK.as_secs();
        if too_long || self.length.as_secs() == 0 {
            return Err(
                Error::usage(format!("--for {}: a link lasts for 1s to 7d", self.length)).with_help("as in: --for 2h"),
            );
        }
        if let Some(size) = self.max_size
            && !(1..=LARGEST_POST).contains(&size.as_bytes())
        {
            let text = format!("--max-size {size}: what is uploaded with a link has from 1 B to 5 GiB");
            return Err(Error::usage(text).with_help("as in: --max-size 100MiB"));
        }
        if let Some(key) = &self.upload_link {
            jobs::upload_link::check(key)?;
        }
        let environment = self.which.find()?;
        if let Some(file) = &environment.file
            && file.bucket.is_none()
        {
            return Err(
                Error::usage(format!("{} has no bucket, and so no files", environment.name))
                    .with_help("give it one in its file (`bucket: {}`), and deploy it"),
            );
        }
        let to = self
            .get
            .as_ref()
            .map(|key| download::destination(key, self.to.as_deref()));
        let to = to.transpose()?;
        global.read(async {
            let (cloud, destinations) = global.destinations(&environment).await?;
            let intake = destinations.intake()?;
            let of_file = environment.file.as_ref().and_then(|file| file.bucket.as_ref());
            let processed = of_file.map(|bucket| bucket.processed.as_str());
            let processed = processed.or(destinations.processed());
            let asked = Asked {
                global,
                cloud: &cloud,
                address: &destinations.deployed.address,
                bucket: &intake.bucket,
                processed,
            };
            if let Some(key) = &self.upload_link {
                return asked.upload_link(key, self.length, self.max_size, &destinations).await;
            }
            match (&self.link, &self.get, &to) {
                (Some(key), ..) => asked.link(key, self.length).await,
                (None, Some(key), Some(path)) => asked.get(key, path).await,
                _ => {
                    let processed = processed.ok_or_else(|| not_said(&environment.name))?;
                    asked.count(&intake.prefix, processed).await
                }
            }
        })
    }
}

fn not_said(environment: &str) -> Error {
    Error::failed(format!("{environment} doesn't say where files go that are done"))
        .with_help("give its file, which says so")
}

/// When something ends that is good for so long.
fn end(now: Timestamp, length: Duration) -> Result<Timestamp> {
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_secs(seconds))
        .map_err(|error| Error::usage(format!("--for {length}: {error}")).with_help("as in: --for 2h"))
}

/// When a link ends that should be good until then, as far as it is known; said, where that is earlier.
fn expires(credentials: Lifetime, wanted: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let expires = match credentials {
        Lifetime::Lasting => Some(wanted),
        Lifetime::Until(end) => end.map(|end| end.min(wanted)),
    };
    if expires != Some(wanted) {
        report::note(&report::files::ends_early(expires, now));
    }
    expires
}

/// Of which bucket.
struct Asked<'a> {
    global: &'a Global,
    cloud: &'a Cloud,
    address: &'a Address,
    bucket: &'a str,
    /// What the keys of files begin with that are done, where that is known.
    processed: Option<&'a str>,
}

impl Asked<'_> {
    async fn count(&self, uploads: &str, processed: &str) -> Result<()> {
        let now = Timestamp::now();
        let count = |prefix| {
            let tell = move |objects| report::note(&format!("{prefix}: {objects} files so far"));
            held(self.cloud, self.bucket, prefix, now, tell)
        };
        let (waiting, processed) = try_join(count(uploads), count(processed)).await?;
        let document = Document {
            address: self.address,
            bucket: self.bucket,
            waiting,
            processed,
        };
        report::document(self.global.output, &document, || {
            report::files::counted(self.address, self.bucket, &document.waiting, &document.processed)
        });
        Ok(())
    }

    async fn link(&self, key: &str, length: Duration) -> Result<()> {
        let seconds = std::time::Duration::from_secs(length.as_secs());
        let now = Timestamp::now();
        let end = end(now, length)?;
        let link = self.cloud.link(self.bucket, key, seconds).await?;
        if self.cloud.object_size(self.bucket, key).await?.is_none() {
            return Err(self.not_there(key));
        }
        let expires = expires(link.credentials, end, now);
        let document = Linked {
            address: self.address,
            bucket: self.bucket,
            key,
            url: &link.url,
            expires,
        };
        report::as_it_is(self.global.output, &document, || format!("{}\n", link.url));
        Ok(())
    }

    async fn get(&self, key: &str, path: &std::path::Path) -> Result<()> {
        let bytes = download::get(self.cloud, self.bucket, key, path).await?;
        let bytes = bytes.ok_or_else(|| self.not_there(key))?;
        let document = Got {
            address: self.address,
            bucket: self.bucket,
            key,
            path: &path.to_string_lossy(),
            bytes,
        };
        report::document(self.global.output, &document, || report::files::got(path, bytes));
        Ok(())
    }

    fn not_there(&self, key: &str) -> Error {
        let is_result = self.processed.is_some_and(|prefix| key.starts_with(prefix));
        Error::failed(format!("there is no {key:?} in s3://{}", self.bucket)).with_help(match is_result {
            true => {
                "what was sent a moment ago isn't processed yet: `qfleet status` says how many messages wait; `qfleet files` \
                 names the newest that is there"
            }
            false => {
                "give the whole key, with its prefix: processed/cat.jpg. A worker may have moved it meanwhile: \
                 `qfleet files` names the newest"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_would_outlive_time_is_refused() {
        let now = Timestamp::UNIX_EPOCH;
        let week = Duration::days(7);
        assert_eq!(end(now, week).expect("in time").as_second(), 7 * 86_400);
        let error = end(Timestamp::MAX, week).expect_err("no such instant");
        assert!(error.to_string().starts_with("--for 7d: "), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}
