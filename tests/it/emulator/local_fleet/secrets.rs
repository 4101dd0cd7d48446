//! Secrets of the emulator's, given to local workers as an instance gives them to its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aws_sdk_ssm::types::ParameterType;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::emulator::local_fleet::place::{Place, Plan};
use crate::emulator::nothing_left::shipped;

/// Says what it was given, all of it or nothing.
const RUN: &str = "#!/bin/sh
printf '%s|%s' \"$DB_PASSWORD\" \"$API_KEY\" >\"$NOTES.new\"
mv \"$NOTES.new\" \"$NOTES\"
trap 'exit 0' TERM
while :; do sleep 0.1; done
";
/// As it would be named on AWS: the account, and the end of the ARN, are others in the emulator.
const ARN: &str = "arn:aws:secretsmanager:us-east-2:111122223333:secret:app/key-AbC123";
const PASSWORD: &str = "hunter2 $HOME `id` \"q\" 'x' %n \\n \\ # ; 😀";
const KEY: &str = "-----BEGIN KEY-----\nhunter2/+=\n-----END KEY-----\n";

async fn put(ssm: &aws_sdk_ssm::Client, value: &str) {
    let put = ssm.put_parameter().name("/app/db").r#type(ParameterType::SecureString);
    put.value(value).overwrite(true).send().await.expect("put");
}

#[test]
fn workers_get_what_the_emulator_keeps_and_nothing_tells_it() {
    let mut place = Place::new(Plan::new("secrets", 1, 1));
    let path = |name: &str| place.first.path(name);
    fs::write(path("program/run"), RUN).expect("writes");
    fs::set_permissions(path("program/run"), fs::Permissions::from_mode(0o755)).expect("executable");
    let file = fs::read_to_string(path("fleet.yaml")).expect("the file");
    let secrets = format!("drain_timeout: 60s\n        secrets: {{DB_PASSWORD: /app/db, API_KEY: '{ARN}'}}\n");
    assert_eq!(file.matches("drain_timeout: 60s\n").count(), 1);
    fs::write(path("fleet.yaml"), file.replace("drain_timeout: 60s\n", &secrets)).expect("writes");
    place.aws(async |aws| {
        let made = aws.secrets_manager.create_secret().name("app/key").secret_string(KEY);
        made.send().await.expect("made");
    });

    // One isn't there.
    place.start();
    let says =
        "the worker doesn't start without the secret DB_PASSWORD (/app/db): the emulator has no text of that name";
    place.until(says, || place.said().contains(says).then_some(()));

    let status = place.qfleet(&["status", "fleet.yaml"]).run().stdout;
    assert!(
        status.contains("→ put it there: the worker finds it at its next start"),
        "{status}"
    );
    assert!(
        status.contains("aws ssm put-parameter --name /app/db --type SecureString --value file://secret.txt"),
        "{status}"
    );
    assert!(!status.contains("without a word"), "{status}");

    // Now it is; and a change counts from the next start on.
    let told = |what: &str| {
        let all = format!("{what}|{KEY}");
        place.until("it is given", || {
            let told = fs::read_to_string(place.first.path("notes")).unwrap_or_default();
            (told == all).then_some(())
        });
    };
    place.aws(async |aws| put(&aws.ssm, PASSWORD).await);
    told(PASSWORD);
    let before = place.in_service(1);
    place.aws(async |aws| put(&aws.ssm, "hunter2, the second").await);
    for pid in before.values() {
        kill(Pid::from_raw(*pid), Signal::SIGKILL).expect("killed");
    }
    told("hunter2, the second");

    let template = place.qfleet(&["render", "fleet.yaml"]).run().stdout;
    assert!(template.contains("DB_PASSWORD=/app/db"), "{template}");
    let kept = ["fleet.json", "activities.jsonl"].map(|name| place.fleet_path(name));
    let kept = kept.map(|path| fs::read_to_string(path).unwrap_or_default()).concat();
    // Every attempt of every call is in it.
    let log = fs::read_to_string(place.first.path("up.log")).expect("the log file");
    assert!(log.contains(" SSM GetParameter (call "), "{log}");
    for text in [template, place.said(), kept, log] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// The file in stacks/, whose only need is its parameter.
#[cfg(target_os = "linux")]
#[test]
fn the_shipped_file_gives_its_workers_their_password() {
    let place = Place::new(Plan::new("photo-secrets", 1, 4));
    let file = shipped("secrets", "photo-secrets", &place.plan.account);
    assert_eq!(
        file.matches("--name /photo-secrets/db ").count(),
        1,
        "how it is made: {file}"
    );
    fs::write(place.first.path("fleet.yaml"), file).expect("writes");
    place.aws(async |aws| {
        let put = aws.ssm.put_parameter().name("/photo-secrets/db");
        let put = put.r#type(ParameterType::SecureString).value("made-up");
        put.send().await.expect("put");
    });
    // Its `install` needs a network.
    let up = ["local", "up", "fleet.yaml", "--no-install", "--detach"];
    place.qfleet(&up).run();
    for pid in place.in_service(1).values() {
        let environment = fs::read(format!("/proc/{pid}/environ")).expect("its environment");
        let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        assert!(variables.contains(&b"DB_PASSWORD=made-up".as_slice()));
    }
    place.qfleet(&["local", "down", "--yes"]).run();
}
