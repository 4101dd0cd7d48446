//! Options of an environment file, with the values that the templates are tried with.

/// An option: its name, and the lines it may add to each place of an environment file.
pub struct Choice {
    pub name: &'static str,
    /// A value: its name; lines of the file, of `bucket`, of the first stage, of its queue, of its `instances`.
    pub values: &'static [Setting],
}

#[derive(Clone, Copy, Default)]
pub struct Setting {
    pub name: &'static str,
    pub file: &'static str,
    pub bucket: &'static str,
    pub stage: &'static str,
    pub queue: &'static str,
    pub instances: &'static str,
    pub scaling: &'static str,
    /// A second stage, fed by the first.
    pub second: &'static str,
    /// A stage with a function.
    pub function: &'static str,
    /// Beside the first stage's `instances`.
    pub workers: &'static str,
}

const NONE: Setting = Setting {
    name: "none",
    file: "",
    bucket: "",
    stage: "",
    queue: "",
    instances: "",
    scaling: "",
    second: "",
    function: "",
    workers: "",
};

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

pub const CHOICES: [Choice; 20] = [
    Choice {
        name: "active",
        values: &[
            Setting {
                name: "the only ones",
                ..NONE
            },
            Setting {
                name: "instances",
                workers: both!("instances"),
                ..NONE
            },
            Setting {
                name: "lambda",
                workers: both!("lambda"),
                ..NONE
            },
            Setting {
                name: "none of two",
                workers: both!("none"),
                ..NONE
            },
            Setting {
                name: "none",
                workers: "active: none",
                ..NONE
            },
        ],
    },
    Choice {
        name: "network",
        values: &[
            Setting {
                name: "default",
                ..NONE
            },
            Setting {
                name: "all zones",
                instances: "zones: all",
                ..NONE
            },
            Setting {
                name: "two zones",
                instances: "zones: [us-east-2a, us-east-2b]\nsecurity_groups: [sg-0123456789abcdef0]",
                ..NONE
            },
            Setting {
                name: "vpc",
                instances: "vpc: vpc-0123456789abcdef0\nsubnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]\nsecurity_groups: [sg-0123456789abcdef0, sg-01234567]",
                ..NONE
            },
            Setting {
                name: "create",
                instances: "network: create",
                ..NONE
            },
        ],
    },
    Choice {
        name: "spot",
        values: &[
            Setting {
                name: "on-demand",
                ..NONE
            },
            Setting {
                name: "spot",
                instances: "spot: true",
                ..NONE
            },
            Setting {
                name: "spot beside on-demand",
                instances: "spot: true\non_demand_base: 2",
                ..NONE
            },
        ],
    },
    Choice {
        name: "types",
        values: &[
            Setting {
                name: "arm",
                instances: "types: [t4g.small]",
                ..NONE
            },
            Setting {
                name: "x86",
                instances: "types: [m7i.large, m6i.large, m5.large]",
                ..NONE
            },
        ],
    },
    Choice {
        name: "size",
        values: &[
            Setting {
                name: "two to ten",
                scaling: "seconds_per_message: 10",
                ..NONE
            },
            Setting {
                name: "from zero",
                instances: "min: 0\nmax: 3",
                scaling: "seconds_per_message: 0.3",
                ..NONE
            },
            Setting {
                name: "fixed",
                instances: "min: 3\nmax: 3",
                ..NONE
            },
            Setting {
                name: "one",
                instances: "min: 1\nmax: 1",
                ..NONE
            },
            Setting {
                name: "by hand",
                instances: "min: 0\nmax: 5",
                ..NONE
            },
            Setting {
                name: "target said",
                instances: "min: 0\nmax: 5",
                scaling: "messages_per_instance: 10\nacceptable_latency: 2m\nmessages_at_once: 2",
                ..NONE
            },
            Setting {
                name: "office hours",
                instances: "min: 1\nmax: 5\ncapacity: [{cron: '0 18 * * MON-FRI', time_zone: Europe/Berlin, min: 0, max: 0}, {cron: '0 8 * * *'}]",
                scaling: "messages_per_instance: 10",
                ..NONE
            },
            Setting {
                name: "large",
                instances: "min: 100\nmax: 1000",
                scaling: "seconds_per_message: 7\nmessages_at_once: 32\nacceptable_latency: 2h",
                ..NONE
            },
            Setting {
                name: "waiting only",
                instances: "min: 1\nmax: 4",
                scaling: "seconds_per_message: 1\ncount_in_flight: false",
                ..NONE
            },
        ],
    },
    Choice {
        name: "bucket",
        values: &[
            Setting {
                name: "keep",
                bucket: "uploads: in/",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "empty",
                bucket: "on_destroy: empty",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "versions",
                bucket: "versioning: true",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "versions-for-ever",
                bucket: "versioning: true\nold_versions: forever\nuploads: day=1/in+out@x/",
                stage: "from: bucket",
                ..NONE
            },
            Setting {
                name: "unwatched",
                bucket: "on_destroy: empty",
                ..NONE
            },
            Setting { name: "none", ..NONE },
        ],
    },
    Choice {
        name: "image",
        values: &[
            Setting {
                name: "al2023",
                instances: "program: program",
                ..NONE
            },
            Setting {
                name: "ubuntu",
                instances: "program: program\nimage: ubuntu-24.04",
                ..NONE
            },
            Setting {
                name: "ami",
                instances: "program: program\nimage: ami-0123456789abcdef0\nroot_device: /dev/sda1",
                ..NONE
            },
            Setting {
                name: "parameter",
                instances: "program: program\nimage: /own/images/worker",
                ..NONE
            },
        ],
    },
    Choice {
        name: "shell",
        values: &[
            NONE,
            Setting {
                name: "session manager",
                instances: "session_manager: true",
                ..NONE
            },
        ],
    },
    Choice {
        name: "policies",
        values: &[
            NONE,
            Setting {
                name: "two",
                instances: "policies: ['arn:aws:iam::aws:policy/AmazonRekognitionReadOnlyAccess', 'arn:aws:iam::111122223333:policy/own/tables']",
                ..NONE
            },
        ],
    },
    Choice {
        name: "secrets",
        values: &[
            NONE,
            Setting {
                name: "of both kinds",
                instances: "secrets: {DB: /app/db, SAME: /app/db, KEY: 'arn:aws:secretsmanager:us-east-2:111122223333:secret:a@b+c-AbC123'}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "environment",
        values: &[
            NONE,
            Setting {
                name: "some",
                instances: "environment: {MODE: fast, GREETING: \"it's $HOME\"}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "queue",
        values: &[
            Setting {
                name: "defaults",
                ..NONE
            },
            Setting {
                name: "own",
                queue: "visibility_timeout: 12h\nmax_receives: 1000\nretention: 14d",
                ..NONE
            },
            Setting {
                name: "short",
                queue: "visibility_timeout: 30s\nmax_receives: 1\nretention: 1m",
                ..NONE
            },
        ],
    },
    Choice {
        name: "times",
        values: &[
            Setting {
                name: "defaults",
                ..NONE
            },
            Setting {
                name: "long",
                instances: "warmup: 1h\nstart_timeout: 1h\ndrain_timeout: 2h\nlog_retention: 365d\nvolume: 1 TiB",
                ..NONE
            },
            Setting {
                name: "short",
                instances: "warmup: 0s\nstart_timeout: 90s\ndrain_timeout: 30s\nlog_retention: 1d",
                ..NONE
            },
        ],
    },
    Choice {
        name: "second",
        values: &[
            NONE,
            Setting {
                name: "fed",
                second: "from: a",
                ..NONE
            },
            Setting {
                name: "alone",
                second: "queue: {}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "function",
        values: &[
            NONE,
            Setting {
                name: "plain",
                function: "workers: {lambda: {program: program, handler: app.handler, runtime: python3.13}}",
                ..NONE
            },
            Setting {
                name: "fed, with everything",
                function: "from: a\nqueue: {visibility_timeout: 30m}\nscaling: {acceptable_latency: 1h, seconds_per_message: 3}\n\
                           workers:\n  lambda:\n    program: program\n    handler: bootstrap\n    runtime: provided.al2023\n    \
                           architecture: x86_64\n    memory: 10 GiB\n    timeout: 4m\n    batch: 10000\n    batch_window: 5m\n    \
                           max_concurrency: 1000\n    log_retention: 1d\n    environment: {MODE: fast, GREETING: \"it's $HOME\"}\n    \
                           policies: ['arn:aws:iam::aws:policy/AmazonRekognitionReadOnlyAccess']",
                ..NONE
            },
        ],
    },
    Choice {
        name: "web",
        values: &[
            NONE,
            Setting {
                name: "plain",
                file: "web: {instances: {program: program, types: [t4g.small]}}",
                ..NONE
            },
            Setting {
                name: "private, with everything",
                file: "web:\n  port: 65535\n  health: /\n  certificate: 'arn:aws:acm:us-east-2:111122223333:certificate/6f2a-11'\n  \
                       feeds: [a]\n  clients: [203.0.113.0/24, 198.51.100.7/32]\n  requests_per_instance: 1\n  \
                       subnets: [subnet-0123456789abcdef2, subnet-0123456789abcdef3]\n  instances:\n    program: program\n    \
                       types: [m7i.large, m6i.large]\n    spot: true\n    image: ubuntu-24.04\n    min: 1\n    max: 3\n    \
                       vpc: vpc-0123456789abcdef0\n    subnets: [subnet-0123456789abcdef0]\n    drain_timeout: 2h\n    \
                       environment: {GREETING: \"it's $HOME\"}\n    secrets: {DB: /app/db}\n    session_manager: true\n    \
                       capacity: [{cron: '0 18 * * *', min: 1, max: 1}, {cron: '0 8 * * *'}]",
                ..NONE
            },
            Setting {
                name: "in a network of its own",
                file: "web: {feeds: [a], instances: {program: program, types: [t4g.small], network: create, min: 1, max: 1}}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "alerts",
        values: &[
            NONE,
            Setting {
                name: "mailbox",
                file: "alerts: {email: ops@example.com}",
                ..NONE
            },
            Setting {
                name: "topic",
                file: "alerts: {topic: 'arn:aws:sns:us-east-2:111122223333:ops'}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "results",
        values: &[
            NONE,
            Setting {
                name: "for a month",
                file: "results: {ttl: 30d}",
                ..NONE
            },
            Setting {
                name: "for ever",
                file: "results: {ttl: forever}",
                ..NONE
            },
        ],
    },
    Choice {
        name: "dashboard",
        values: &[
            Setting { name: "yes", ..NONE },
            Setting {
                name: "no",
                file: "dashboard: false",
                ..NONE
            },
        ],
    },
    Choice {
        name: "file",
        values: &[
            Setting { name: "short", ..NONE },
            Setting {
                name: "tags",
                file: "protect: true\ntags: {team: media}\nlifetime: 8h",
                ..NONE
            },
        ],
    },
];
