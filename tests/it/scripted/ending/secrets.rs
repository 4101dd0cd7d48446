//! With `-vv` and a log file, every command tells all that it does, and nothing that is secret.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::scripted::ending::commands::{ALL, Before};
use crate::scripted::ending::{Moment, Running, all};

const SECRET_KEY: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";
/// What a program is given by the environment file, and by a secret.
const VALUE: &str = "value-of-a-variable";
const OF_SECRET: &str = "value-of-a-secret";

#[test]
fn nothing_secret_is_told_by_any_command() {
    all(ALL.to_vec(), |command| {
        let endpoint = command.endpoint();
        endpoint.world(|world| world.services.set_parameter("/app/db", OF_SECRET));
        let test = command.at(&endpoint);
        let file = std::fs::read_to_string(test.path("lab.yaml")).expect("its file");
        let given = format!("max: 3, environment: {{SETTING: {VALUE}}}, secrets: {{DB_PASSWORD: /app/db}}}}");
        let file = match command.before {
            Before::Nothing | Before::Changed => file.replace("max: 3}", &given),
            // What is deployed has neither.
            _ => file,
        };
        let test = test
            .file("lab.yaml", &file)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_SESSION_TOKEN", TOKEN)
            .args(command.form())
            .args(["-vv", "--log-file", "log"]);
        let log = test.path("log");
        // The folder is looked at while it is there.
        let mut running = Running::start(test);
        if command.is_endless() {
            running.until(Duration::from_secs(20), || {
                endpoint.world(|world| world.calls.len() >= 20)
            });
            running.signal(Signal::SIGTERM);
        }
        let Running { _test: test, child } = running;
        let ended = Running {
            _test: crate::harness::Test::new(),
            child,
        }
        .ended(Moment::now());
        let log = std::fs::read_to_string(log).map_err(|error| format!("{command}: no log file: {error}"))?;
        drop(test);
        let what = format!(
            "{command}: {}\n--- stderr\n{}\n--- log\n{log}",
            ended.code, ended.stderr
        );
        if ![
            "credentials: ",
            " (call 1, attempt 1) to http://",
            ": 200 in ",
            ", request ",
        ]
        .iter()
        .all(|part| log.contains(part) && ended.stderr.contains(part))
        {
            return Err(format!("it doesn't tell of its calls: {what}"));
        }
        let bodies = file.lines().map(str::trim).filter(|line| line.len() > 12);
        let secret = [
            SECRET_KEY,
            TOKEN,
            VALUE,
            OF_SECRET,
            "X-Amz-Signature",
            "Authorization",
            "Signature=",
        ];
        let told = secret
            .into_iter()
            .chain(bodies)
            .find(|secret| [&log, &ended.stderr].iter().any(|text| text.contains(secret)));
        match told {
            Some(told) => Err(format!("{told} is told: {what}")),
            None => Ok(()),
        }
    });
}
