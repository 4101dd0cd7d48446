//! A bucket: objects, their versions and delete markers
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html>).

use std::collections::BTreeMap;

use axum::body::Bytes;

/// What a key stands for now is its last version.
#[derive(Debug, Default, Clone)]
pub struct Bucket {
    /// Otherwise a put overwrites, and a delete leaves nothing.
    pub keeps_versions: bool,
    /// Whom it tells of what.
    pub notifications: super::notifications::Notifications,
    /// Where it is, if it isn't where it is asked for.
    pub region: Option<String>,
    /// The key of KMS that it encrypts with.
    pub key: Option<String>,
    keys: BTreeMap<String, Vec<Version>>,
    counter: u64,
}

/// A version, or a delete marker.
#[derive(Debug, Clone)]
pub struct Version {
    pub id: String,
    /// None of a delete marker.
    pub bytes: Option<Bytes>,
    /// SHA-256 in base64, where it was put with that.
    pub checksum: Option<String>,
}

impl Bucket {
    /// Every bucket encrypts: "Amazon S3 applies server-side encryption with Amazon S3 managed keys (SSE-S3) as the base
    /// level" (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html>).
    pub fn encryption(&self) -> String {
        let by = match &self.key {
            Some(key) => format!("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{key}</KMSMasterKeyID>"),
            None => "<SSEAlgorithm>AES256</SSEAlgorithm>".to_owned(),
        };
        format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{by}\
             </ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        )
    }

    pub fn put(&mut self, key: &str, bytes: Bytes) {
        self.add(key, Some(bytes), None);
    }

    /// With its SHA-256, which is kept beside it
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>).
    pub fn put_with(&mut self, key: &str, bytes: Bytes, checksum: &str) {
        self.add(key, Some(bytes), Some(checksum.to_owned()));
    }

    fn add(&mut self, key: &str, bytes: Option<Bytes>, checksum: Option<String>) {
        let id = if self.keeps_versions {
            self.counter += 1;
            format!("version-{:08}", self.counter)
        } else {
            "null".to_owned()
        };
        let versions = self.keys.entry(key.to_owned()).or_default();
        versions.retain(|version| version.id != id);
        versions.push(Version { id, bytes, checksum });
    }

    /// Without a version: "inserts a delete marker, which becomes the current version of the object"; with one, or where
    /// no versions are kept, for good. What isn't there counts as deleted
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>).
    pub fn delete(&mut self, key: &str, version: Option<&str>) {
        if version.is_none() && self.keeps_versions {
            return self.add(key, None, None);
        }
        let version = version.unwrap_or("null");
        if let Some(versions) = self.keys.get_mut(key) {
            versions.retain(|known| known.id != version);
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    /// What a key stands for now.
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.keys.get(key)?.last()?.bytes.as_ref()
    }

    /// The SHA-256 that it was put with.
    pub fn checksum(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.last()?.checksum.as_deref()
    }

    /// Keys that stand for something now.
    pub fn current(&self) -> Vec<String> {
        let keys = self.keys.keys().filter(|key| self.get(key).is_some());
        keys.cloned().collect()
    }

    /// Nothing is in it, delete markers included.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// In the order of a listing: by key, of each the newest version first.
    pub fn versions(&self) -> impl Iterator<Item = (&str, &Version, bool)> {
        self.keys.iter().flat_map(|(key, versions)| {
            let newest = versions.iter().rev().enumerate();
            newest.map(|(place, version)| (key.as_str(), version, place == 0))
        })
    }
}
