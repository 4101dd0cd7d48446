//! What an environment has beside its stages.

use super::{Choice, value};

pub const ALERTS: Choice = Choice {
    name: "alerts",
    values: &[
        value("none"),
        value("mailbox").file("alerts: {email: ops@example.com}"),
        value("topic").file("alerts: {topic: 'arn:aws:sns:us-east-2:111122223333:ops'}"),
    ],
};

pub const RESULTS: Choice = Choice {
    name: "results",
    values: &[
        value("none"),
        value("for a month").file("results: {ttl: 30d}"),
        value("for ever").file("results: {ttl: forever}"),
    ],
};

pub const DASHBOARD: Choice = Choice {
    name: "dashboard",
    values: &[value("yes"), value("no").file("dashboard: false")],
};

pub const FILE: Choice = Choice {
    name: "file",
    values: &[
        value("short"),
        value("tags").file("protect: true\ntags: {team: media}\nlifetime: 8h"),
    ],
};
