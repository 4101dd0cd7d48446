//! The first stage's queue, the replies to its jobs, and jobs by the clock.

use super::{Choice, value};

pub const QUEUE: Choice = Choice {
    name: "queue",
    values: &[
        value("defaults"),
        value("own").queue("visibility_timeout: 12h\nmax_receives: 1000\nretention: 14d"),
        value("short").queue("visibility_timeout: 30s\nmax_receives: 1\nretention: 1m"),
    ],
};

pub const REPLIES: Choice = Choice {
    name: "replies",
    values: &[value("none"), value("wanted").stage("replies: true")],
};

pub const SCHEDULES: Choice = Choice {
    name: "schedules",
    values: &[
        value("none"),
        value("one").stage("schedules: [{cron: '*/5 * * * *', body: '{\"job\": \"report\"}'}]"),
        value("three, by other clocks").stage(
            "schedules:\n  - {cron: '0 3 * * *', time_zone: Europe/Berlin, body: '{\"job\": \"it''s $HOME\"}'}\n  \
             - {cron: '30 18 * * MON-FRI', time_zone: America/Argentina/Buenos_Aires, body: <aws.scheduler.scheduled-time>}\n  \
             - {cron: '0 0 1 1,7 *', body: 'it\"s {{ own }}'}",
        ),
    ],
};
