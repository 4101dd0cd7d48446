//! Instances of the first stage: where they are, of which kind, and what they are told and may do.

use super::{Choice, value};

pub const NETWORK: Choice = Choice {
    name: "network",
    values: &[
        value("default"),
        value("all zones").instances("zones: all"),
        value("two zones").instances("zones: [us-east-2a, us-east-2b]\nsecurity_groups: [sg-0123456789abcdef0]"),
        value("vpc").instances(
            "vpc: vpc-0123456789abcdef0\nsubnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]\n\
             security_groups: [sg-0123456789abcdef0, sg-01234567]",
        ),
        value("create").instances("network: create"),
    ],
};

pub const SPOT: Choice = Choice {
    name: "spot",
    values: &[
        value("on-demand"),
        value("spot").instances("spot: true"),
        value("spot beside on-demand").instances("spot: true\non_demand_base: 2"),
    ],
};

pub const TYPES: Choice = Choice {
    name: "types",
    values: &[
        value("arm").instances("types: [t4g.small]"),
        value("x86").instances("types: [m7i.large, m6i.large, m5.large]"),
    ],
};

pub const IMAGE: Choice = Choice {
    name: "image",
    values: &[
        value("al2023").instances("program: program"),
        value("ubuntu").instances("program: program\nimage: ubuntu-24.04"),
        value("ami").instances("program: program\nimage: ami-0123456789abcdef0\nroot_device: /dev/sda1"),
        value("parameter").instances("program: program\nimage: /own/images/worker"),
    ],
};

pub const SHELL: Choice = Choice {
    name: "shell",
    values: &[
        value("none"),
        value("session manager").instances("session_manager: true"),
    ],
};

pub const POLICIES: Choice = Choice {
    name: "policies",
    values: &[
        value("none"),
        value("two").instances(
            "policies: ['arn:aws:iam::aws:policy/AmazonRekognitionReadOnlyAccess', \
             'arn:aws:iam::111122223333:policy/own/tables']",
        ),
    ],
};

pub const SECRETS: Choice = Choice {
    name: "secrets",
    values: &[
        value("none"),
        value("of both kinds").instances(
            "secrets: {DB: /app/db, SAME: /app/db, \
             KEY: 'arn:aws:secretsmanager:us-east-2:111122223333:secret:a@b+c-AbC123'}",
        ),
    ],
};

pub const ENVIRONMENT: Choice = Choice {
    name: "environment",
    values: &[
        value("none"),
        value("some").instances("environment: {MODE: fast, GREETING: \"it's $HOME\"}"),
        value("given by an extra")
            .file(
                "extras:\n  - {name: own, template: own.yaml, gives: [Text]}\n  - {name: next, template: next.json, needs: \
                 [own, a], parameters: {Told: '${own.Text}'}}",
            )
            .instances("environment: {GIVEN: '${own.Text}', TEXT: '$${own.Text}'}"),
    ],
};

pub const TIMES: Choice = Choice {
    name: "times",
    values: &[
        value("defaults"),
        value("long").instances("warmup: 1h\nstart_timeout: 1h\ndrain_timeout: 2h\nlog_retention: 365d\nvolume: 1 TiB"),
        value("short").instances("warmup: 0s\nstart_timeout: 90s\ndrain_timeout: 30s\nlog_retention: 1d"),
    ],
};
