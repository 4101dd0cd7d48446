//! The bucket, and which of its files the first stage gets.

use super::{Choice, value};

pub const BUCKET: Choice = Choice {
    name: "bucket",
    values: &[
        value("keep").bucket("uploads: in/").stage("from: bucket"),
        value("empty").bucket("on_destroy: empty").stage("from: bucket"),
        value("versions").bucket("versioning: true").stage("from: bucket"),
        value("versions-for-ever")
            .bucket("versioning: true\nold_versions: forever\nuploads: day=1/in+out@x/")
            .stage("from: bucket"),
        value("other prefixes")
            .bucket("uploads: in/2026/\nprocessed: out/2026/")
            .stage("from: bucket"),
        value("existing").bucket("existing: their-files").stage("from: bucket"),
        value("browsers")
            .bucket("browsers: ['https://app.example.com', 'http://localhost:3000']")
            .stage("from: bucket"),
        value("copied")
            .bucket("versioning: true\nuploads: day=1/in/\nreplicate_to: 'arn:aws:s3:::other-bucket'")
            .stage("from: bucket"),
        value("unwatched").bucket("on_destroy: empty"),
        value("none"),
        value("none, and nothing stays").file("on_destroy: empty"),
    ],
};

pub const ONLY: Choice = Choice {
    name: "only",
    values: &[
        value("every file"),
        value("by suffix")
            .stage("only: {suffix: [.png, .jpg]}")
            .without("bucket", &["unwatched", "none", "none, and nothing stays"]),
        value("by prefix")
            .stage("only: {prefix: in/img/}")
            .with("bucket", &["keep"]),
        value("by both")
            .stage("only: {prefix: in/img/, suffix: [.png, _1.jpg]}")
            .with("bucket", &["keep"]),
    ],
};
