//! Files put into a bucket as they are read, small ones in one piece, large ones in parts.
//!
//! This could be the work of AWS's transfer manager for Rust (`aws-sdk-s3-transfer-manager`): it is at 0.3, calls
//! itself a developer preview, and its interface and name are still moving.

use std::path::Path;

use aws_sdk_s3::primitives::{ByteStream, FsBuilder, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};

use crate::cloud::s3::versions::OpenUpload;
use crate::cloud::{Cloud, CloudError, explain};

/// The most that fits into an object, 10,000 parts of 5 GiB
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub const LARGEST: u64 = MOST_PARTS * (5 << 30);
/// The longest key, in bytes of UTF-8
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
pub const LONGEST_KEY: usize = 1024;
const MOST_PARTS: u64 = 10_000;

/// How much of a file is read at once.
const BUFFER: usize = 64 << 10;

/// A piece of a file.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub path: &'a Path,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
}

impl Piece<'_> {
    /// Read while it is sent, and again when it must be sent again.
    async fn stream(&self, operation: &'static str) -> Result<ByteStream, CloudError> {
        FsBuilder::new()
            .path(self.path)
            .offset(self.offset)
            .length(Length::Exact(self.length))
            .buffer_size(BUFFER)
            .build()
            .await
            .map_err(|error| CloudError {
                operation,
                code: None,
                message: error.to_string(),
            })
    }
}

/// A multipart upload that was begun: its parts are billed until it is completed or aborted.
#[derive(Debug)]
pub struct Multipart<'a> {
    cloud: &'a Cloud,
    bucket: &'a str,
    key: &'a str,
    id: String,
}

/// A part that was put.
#[derive(Debug)]
pub struct Part(CompletedPart);

impl Cloud {
    /// Puts a whole file, or a piece of one, as an object.
    pub async fn put_file(&self, bucket: &str, key: &str, piece: Piece<'_>) -> Result<(), CloudError> {
        self.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .body(piece.stream("PutObject").await?)
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("PutObject", error))
    }

    /// Begins an object that is put in parts.
    pub async fn begin_multipart<'a>(&'a self, bucket: &'a str, key: &'a str) -> Result<Multipart<'a>, CloudError> {
        let begun = self
            .s3
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(|error| explain("CreateMultipartUpload", error))?;
        let id = begun.upload_id.ok_or_else(|| CloudError {
            operation: "CreateMultipartUpload",
            code: None,
            message: "the answer has no UploadId".into(),
        })?;
        Ok(Multipart {
            cloud: self,
            bucket,
            key,
            id,
        })
    }
}

impl Multipart<'_> {
    /// Puts a part; they are numbered from 1. Several can be put at once.
    pub async fn put(&self, number: i32, piece: Piece<'_>) -> Result<Part, CloudError> {
        let put = self
            .cloud
            .s3
            .upload_part()
            .bucket(self.bucket)
            .key(self.key)
            .expected_bucket_owner(&self.cloud.account)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(piece.stream("UploadPart").await?)
            .send()
            .await
            .map_err(|error| explain("UploadPart", error))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(put.e_tag)
            .set_checksum_crc32(put.checksum_crc32);
        Ok(Part(part.build()))
    }

    /// Makes the object of its parts.
    pub async fn complete(&self, mut parts: Vec<Part>) -> Result<(), CloudError> {
        parts.sort_by_key(|part| part.0.part_number());
        let parts = parts.into_iter().map(|part| part.0).collect();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        self.cloud
            .s3
            .complete_multipart_upload()
            .bucket(self.bucket)
            .key(self.key)
            .expected_bucket_owner(&self.cloud.account)
            .upload_id(&self.id)
            .multipart_upload(parts)
            .send()
            .await
            .map(drop)
            .map_err(|error| explain("CompleteMultipartUpload", error))
    }

    /// Gives it up; no part of it stays.
    pub async fn abort(&self) -> Result<(), CloudError> {
        let upload = OpenUpload {
            key: self.key.to_owned(),
            id: self.id.clone(),
        };
        self.cloud.abort_upload(self.bucket, &upload).await
    }
}

/// How long the parts of a file of this size are, in bytes: `smallest` (5 MiB at least), or longer where there would be
/// more parts than S3 takes.
pub fn part_length(size: u64, smallest: u64) -> u64 {
    size.div_ceil(MOST_PARTS).max(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_parts_than_s3_takes() {
        const MIB: u64 = 1 << 20;
        for size in [17 * MIB, 80_000 * MIB, 80_000 * MIB + 1, LARGEST - 1, LARGEST] {
            let length = part_length(size, 8 * MIB);
            assert!(size.div_ceil(length) <= MOST_PARTS, "{size}");
            assert!((8 * MIB..=5 << 30).contains(&length), "{size}: {length}");
        }
        assert_eq!(part_length(17 * MIB, 8 * MIB), 8 * MIB);
    }
}
