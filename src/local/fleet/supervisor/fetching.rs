//! Programs on their way: fetched and installed beside everything else, since an `install` may take minutes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::task::JoinHandle;

use super::super::program;
use crate::cloud::Cloud;
use crate::error::{Error, Result};

/// By the programs' addresses in their bucket.
#[derive(Debug, Default)]
pub(super) struct Fetching(BTreeMap<String, JoinHandle<Result<PathBuf>>>);

impl Fetching {
    /// The program's folder, once it is ready; it is begun to be fetched where it isn't. After a failure it is begun again.
    pub async fn ready(
        &mut self,
        cloud: &Cloud,
        uri: &str,
        programs: &Path,
        settings: Option<&[(String, String)]>,
    ) -> Option<Result<PathBuf>> {
        let fetch = self.0.entry(uri.to_owned()).or_insert_with(|| {
            let (cloud, uri, programs) = (cloud.clone(), uri.to_owned(), programs.to_owned());
            let settings = settings.map(<[_]>::to_vec);
            tokio::spawn(async move { program::fetch(&cloud, &uri, &programs, settings.as_deref()).await })
        });
        if !fetch.is_finished() {
            return None;
        }
        let fetched = self.0.remove(uri)?.await;
        Some(fetched.unwrap_or_else(|error| Err(Error::failed(format!("{uri} can't be fetched: {error}")))))
    }

    /// Whether one is over, well or not.
    pub fn is_any_over(&self) -> bool {
        self.0.values().any(JoinHandle::is_finished)
    }

    /// Where they will be.
    pub fn places(&self, programs: &Path) -> impl Iterator<Item = PathBuf> {
        self.0.keys().map(|uri| program::place(programs, uri))
    }

    /// Gives those up that nobody wants any more.
    pub async fn keep(&mut self, is_wanted: impl Fn(&str) -> bool) {
        let others: Vec<String> = self.0.keys().filter(|uri| !is_wanted(uri)).cloned().collect();
        for uri in others {
            if let Some(fetch) = self.0.remove(&uri) {
                fetch.abort();
                // Its `install` ends with it.
                let _ = fetch.await;
            }
        }
    }
}
