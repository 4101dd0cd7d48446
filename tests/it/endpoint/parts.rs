//! Objects that are put in parts (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>).

use std::collections::BTreeMap;

use axum::body::Bytes;

/// The smallest part that isn't the last one (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const SMALLEST: usize = 5 << 20;

/// Uploads that were begun and neither completed nor aborted.
#[derive(Debug, Default, Clone)]
pub struct Multiparts {
    begun: BTreeMap<String, Multipart>,
    counter: u64,
}

#[derive(Debug, Clone)]
struct Multipart {
    bucket: String,
    key: String,
    parts: BTreeMap<u32, Bytes>,
}

impl Multiparts {
    /// Keys of the uploads that are open.
    pub fn open(&self) -> Vec<String> {
        self.begun.values().map(|upload| upload.key.clone()).collect()
    }

    /// Keys and ids of those of a bucket, by key, of each the oldest first.
    pub fn of(&self, bucket: &str) -> Vec<(String, String)> {
        let of = self.begun.iter().filter(|(_, upload)| upload.bucket == bucket);
        let mut all: Vec<_> = of.map(|(id, upload)| (upload.key.clone(), id.clone())).collect();
        all.sort();
        all
    }

    /// Begins one. Its id.
    pub fn begin(&mut self, bucket: &str, key: &str) -> String {
        self.counter += 1;
        let id = format!("upload-{:08}", self.counter);
        let upload = Multipart {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            parts: BTreeMap::new(),
        };
        self.begun.insert(id.clone(), upload);
        id
    }

    /// Puts a part. False when there is no such upload.
    pub fn put(&mut self, id: &str, number: u32, bytes: Bytes) -> bool {
        let upload = self.begun.get_mut(id);
        upload.map(|upload| upload.parts.insert(number, bytes)).is_some()
    }

    /// The object that an upload's parts make. An error code when they don't make one.
    pub fn complete(&mut self, id: &str, numbers: &[u32]) -> Result<(String, Bytes), &'static str> {
        let upload = self.begun.get(id).ok_or("NoSuchUpload")?;
        if !numbers.is_sorted() {
            return Err("InvalidPartOrder");
        }
        let mut bytes = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            let part = upload.parts.get(number).ok_or("InvalidPart")?;
            if part.len() < SMALLEST && at + 1 < numbers.len() {
                return Err("EntityTooSmall");
            }
            bytes.extend_from_slice(part);
        }
        let upload = self.begun.remove(id).ok_or("NoSuchUpload")?;
        Ok((upload.key, bytes.into()))
    }

    /// Gives it up. False when there is no such upload.
    pub fn abort(&mut self, id: &str) -> bool {
        self.begun.remove(id).is_some()
    }
}
