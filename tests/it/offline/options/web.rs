//! The web tier, and how done files are delivered.

use super::{Choice, value};

pub const WEB: Choice = Choice {
    name: "web",
    values: &[
        value("none"),
        value("plain").file("web: {instances: {program: program, types: [t4g.small]}}"),
        value("private, with everything").file(
            "web:\n  port: 65535\n  health: /\n  certificate: 'arn:aws:acm:us-east-2:111122223333:certificate/6f2a-11'\n  \
             feeds: [a]\n  clients: [203.0.113.0/24, 198.51.100.7/32]\n  requests_per_instance: 1\n  \
             subnets: [subnet-0123456789abcdef2, subnet-0123456789abcdef3]\n  instances:\n    program: program\n    \
             types: [m7i.large, m6i.large]\n    spot: true\n    image: ubuntu-24.04\n    min: 1\n    max: 3\n    \
             vpc: vpc-0123456789abcdef0\n    subnets: [subnet-0123456789abcdef0]\n    drain_timeout: 2h\n    \
             environment: {GREETING: \"it's $HOME\"}\n    secrets: {DB: /app/db}\n    session_manager: true\n    \
             capacity: [{cron: '0 18 * * *', min: 1, max: 1}, {cron: '0 8 * * *'}]",
        ),
        value("in a network of its own").file(
            "web: {feeds: [a], instances: {program: program, types: [t4g.small], network: create, min: 1, max: 1}}",
        ),
    ],
};

pub const DELIVERY: Choice = Choice {
    name: "delivery",
    values: &[
        value("none"),
        value("plain")
            .file("delivery: {}")
            .without("bucket", &["existing", "none", "none, and nothing stays"]),
        value("by a name of one's own, signed")
            .file(
                "delivery:\n  domain: files.example.com\n  \
                 certificate: 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012'\n  \
                 key_groups: [12345678-1234-1234-1234-123456789012, 12345678-1234-1234-1234-123456789013]",
            )
            .without("bucket", &["existing", "none", "none, and nothing stays"]),
    ],
};
