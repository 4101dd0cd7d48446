//! What drains a queue, and whether it does; and the stages beside the first.

use super::{Choice, value};

/// A function beside the instances.
macro_rules! both {
    ($active:literal) => {
        concat!(
            "lambda: {program: program, handler: app.handler, runtime: python3.13, timeout: 5s, environment: {MODE: b}}\n",
            "active: ",
            $active
        )
    };
}

pub const ACTIVE: Choice = Choice {
    name: "active",
    values: &[
        value("the only ones"),
        value("instances").workers(both!("instances")),
        value("lambda").workers(both!("lambda")),
        value("none of two").workers(both!("none")),
        value("none").workers("active: none"),
    ],
};

pub const STANDBY: Choice = Choice {
    name: "standby",
    values: &[value("nowhere"), value("here").file("standby: [us-east-2]")],
};

pub const SECOND: Choice = Choice {
    name: "second",
    values: &[
        value("none"),
        value("fed").second("from: a"),
        value("alone").second("queue: {}"),
        value("replies too").second("from: a\nreplies: true"),
    ],
};

pub const FUNCTION: Choice = Choice {
    name: "function",
    values: &[
        value("none"),
        value("plain").function("workers: {lambda: {program: program, handler: app.handler, runtime: python3.13}}"),
        value("fed, with everything").function(
            "from: a\nqueue: {visibility_timeout: 30m}\nscaling: {acceptable_latency: 1h, seconds_per_message: 3}\n\
             replies: true\nschedules: [{cron: '0 3 * * *', body: nightly}]\n\
             workers:\n  lambda:\n    program: program\n    handler: bootstrap\n    runtime: provided.al2023\n    \
             architecture: x86_64\n    memory: 10 GiB\n    timeout: 4m\n    batch: 10000\n    batch_window: 5m\n    \
             max_concurrency: 1000\n    log_retention: 1d\n    environment: {MODE: fast, GREETING: \"it's $HOME\"}\n    \
             secrets: {DB: /app/db, KEY: 'arn:aws:secretsmanager:us-east-2:111122223333:secret:f-AbC123'}\n    \
             policies: ['arn:aws:iam::aws:policy/AmazonRekognitionReadOnlyAccess']",
        ),
        value("the bucket's other files")
            .function(
                "from: bucket\nonly: {suffix: [.srt]}\n\
                 workers: {lambda: {program: program, handler: app.handler, runtime: python3.13}}",
            )
            .without("bucket", &["unwatched", "none", "none, and nothing stays"]),
    ],
};
