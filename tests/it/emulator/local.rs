//! `qfleet local`

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Output, Test, find_ministack, free_port, in_a_terminal, wait_until};

/// A home of its own, in which no emulator runs yet, and a free port. Whatever runs there is ended with it.
struct Place {
    start: Output,
    port: u16,
}

impl Place {
    fn new() -> Self {
        let start = Test::new()
            .env("QFLEET_MINISTACK", find_ministack())
            .args(["local", "status"])
            .stdout("No local AWS emulator is running (`qfleet local start` starts it)\n")
            .run();
        Place {
            start,
            port: free_port(),
        }
    }

    fn local(&self, verb: &str) -> Test {
        self.start.then().args(["local", verb])
    }

    fn start(&self) -> Test {
        self.local("start").args(["--port".to_owned(), self.port.to_string()])
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn pid(&self) -> i64 {
        let status = self.local("status").args(["--output", "json"]).run().json();
        status["emulator"]["pid"].as_i64().expect("a pid")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.local("stop").args(["--yes"]).command().output();
    }
}

const ENVIRONMENT: &str = "\
name: lab
region: us-east-2
stages:
  - name: work
    workers: {instances: {program: program, types: [t4g.small], min: 1, max: 1}}
";

const STATE: &str = "home/.local/state/qfleet";

#[test]
fn an_emulator_is_started_shown_and_stopped() {
    let place = Place::new();
    let endpoint = place.endpoint();
    place
        .start()
        .stdout(format!("Local AWS emulator started at {endpoint}\n"))
        .stderr("")
        .run();

    // Both starts find the one that runs, whether they name its port or not.
    let running = format!("Local AWS emulator already running at {endpoint}\n");
    place.start().stdout(&running).run();
    place.local("start").stdout(&running).run();
    let other = free_port().to_string();
    place
        .local("start")
        .args(["--port", &other])
        .status(1)
        .stderr_contains(format!("runs already, on port {}", place.port))
        .run();

    place
        .local("status")
        .args(["--exit-code"])
        .stdout_regex(&format!(
            "Local AWS emulator is running\n  endpoint  {endpoint}\n  process   \\d+\n  version   ministack 1\\.[0-9.]+\n  \
             uptime    \\w.*\n  program   .*ministack\n  log       .*/qfleet/emulator.log\n"
        ))
        .run();
    let status = place.local("status").args(["--output", "json"]).run().json();
    assert_eq!(status["running"], true);
    assert_eq!(status["changed"], false);
    assert_eq!(status["emulator"]["endpoint"], endpoint);

    // What others deployed to it would be gone, too.
    place
        .local("stop")
        .status(4)
        .stderr_contains(format!(
            "\"Stop the local AWS emulator at {endpoint}, with everything that was deployed to it?\" can't be asked"
        ))
        .stderr_contains("add --yes")
        .run();
    place.local("status").args(["--exit-code"]).run();
    place
        .local("stop")
        .args(["--yes"])
        .stdout(format!(
            "Local AWS emulator at {endpoint} stopped; everything that was deployed to it is gone\n"
        ))
        .run();
    place
        .local("stop")
        .args(["--yes"])
        .stdout("No local AWS emulator is running\n")
        .run();
    place.local("status").args(["--exit-code"]).status(3).stderr("").run();
    assert!(
        std::net::TcpStream::connect(("127.0.0.1", place.port)).is_err(),
        "something still listens"
    );
}

#[test]
fn what_was_not_named_is_ended_only_with_a_yes() {
    let place = Place::new();
    place.start().run();
    let asked = |answer: &str| {
        let stop = place.local("stop");
        in_a_terminal(&stop, 200, &[("everything that was deployed to it?", answer)])
    };
    let (code, said) = asked("n\r");
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("not confirmed: nothing was ended"), "{said}");
    place.local("status").args(["--exit-code"]).run();
    let (code, said) = asked("y\r");
    assert_eq!(code, 0, "{said}");
    place.local("status").args(["--exit-code"]).status(3).run();
}

#[test]
fn starts_at_the_same_time_make_one_emulator() {
    let place = Place::new();
    let starts: Vec<_> = (0..4)
        .map(|_| {
            place
                .start()
                .args(["--output", "jsonl"])
                .command()
                .stdout(std::process::Stdio::piped())
                .spawn()
        })
        .collect();
    let said: Vec<serde_json::Value> = starts
        .into_iter()
        .map(|start| {
            let output = start.expect("a process").wait_with_output().expect("its output");
            serde_json::from_slice(&output.stdout).expect("JSON")
        })
        .collect();
    assert_eq!(
        said.iter().filter(|state| state["changed"] == true).count(),
        1,
        "{said:?}"
    );
    assert!(
        said.iter()
            .all(|state| state["emulator"]["pid"] == said[0]["emulator"]["pid"]),
        "{said:?}"
    );
}

#[test]
fn it_listens_on_loopback_only() {
    let place = Place::new();
    // What a user's environment may hold for other uses of the same program.
    place
        .start()
        .env("BIND_HOST", "0.0.0.0")
        .env("USE_SSL", "1")
        .env("SFTP_ENABLED", "1")
        .run();
    let output = Command::new("sh")
        .args(["-c", "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || true"])
        .output()
        .expect("a shell");
    let table = String::from_utf8_lossy(&output.stdout);
    let port = format!(":{:04X}", place.port);
    let listening: Vec<&str> = table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let (local, _remote, state) = (fields.next()?, fields.next()?, fields.next()?);
            (state == "0A" && local.ends_with(&port)).then_some(local)
        })
        .collect();
    if cfg!(target_os = "linux") {
        assert_eq!(listening, [format!("0100007F{port}")]);
    }
}

#[test]
fn a_stale_record_is_no_reason_to_end_a_stranger() {
    let place = Place::new();
    let mut stranger = Command::new("sleep").arg("60").spawn().expect("a process");
    let record = format!(
        r#"{{"pid":{},"port":{},"started":"2026-01-01T00:00:00Z"}}"#,
        stranger.id(),
        place.port
    );
    fs::write(place.start.path(&format!("{STATE}/emulator.json")), record).expect("a record");
    place
        .local("status")
        .stdout_contains("No local AWS emulator is running")
        .run();
    place
        .local("stop")
        .args(["--yes"])
        .stdout("No local AWS emulator is running\n")
        .run();
    assert!(
        stranger.try_wait().expect("a child").is_none(),
        "the stranger was ended"
    );
    place.start().stdout_contains("started").run();
    assert!(
        stranger.try_wait().expect("a child").is_none(),
        "the stranger was ended"
    );
    stranger.kill().expect("ends");
    stranger.wait().expect("ended");
}

#[test]
fn an_emulator_that_was_killed_is_known_to_be_gone() {
    let place = Place::new();
    place.start().run();
    let pid = i32::try_from(place.pid()).expect("a process id");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("kills");
    // The system ends it, and closes its files, a moment after: some of them later than its process is gone.
    wait_until("it is known to be gone", || {
        let status = place.local("status").args(["--exit-code"]);
        status.command().output().expect("qfleet runs").status.code() == Some(3)
    });
    place.start().stdout_contains("started").run();
}

#[test]
fn a_lost_record_is_said_and_nothing_is_ended() {
    let place = Place::new();
    place.start().run();
    let record = place.start.path(&format!("{STATE}/emulator.json"));
    let kept = fs::read(&record).expect("a record");
    for bad in ["", "{}", r#"{"pid":0,"port":1,"started":"2026-01-01T00:00:00Z"}"#] {
        fs::write(&record, bad).expect("written");
        place
            .local("stop")
            .args(["--yes"])
            .status(1)
            .stderr_contains("its record is lost; end the process that holds")
            .run();
    }
    fs::write(&record, kept).expect("written");
    place.local("stop").args(["--yes"]).stdout_contains("stopped").run();
}

#[test]
fn a_port_that_is_taken_is_said() {
    let place = Place::new();
    let _other = std::net::TcpListener::bind(("127.0.0.1", place.port)).expect("the port");
    place
        .start()
        .status(1)
        .stderr_contains(format!(
            "can't listen on port {}: another program listens there",
            place.port
        ))
        .stderr_contains("qfleet local start --port <PORT>")
        .run();
    place.local("status").args(["--exit-code"]).status(3).run();
}

#[test]
fn a_missing_emulator_is_said_with_how_to_install_it() {
    Test::new()
        .env("PATH", "/nonexistent")
        .args(["local", "start"])
        .status(1)
        .stdout("")
        .stderr(
            "error: the local AWS emulator, ministack, is not installed\n  help: install it with `qfleet local install`, or \
             name its program in QFLEET_MINISTACK\n",
        )
        .run();
    Test::new()
        .env("QFLEET_MINISTACK", "/etc/passwd")
        .args(["local", "start"])
        .status(1)
        .stderr_contains("QFLEET_MINISTACK names /etc/passwd, which is no program")
        .run();
}

#[test]
fn an_emulator_in_the_data_folder_is_found() {
    let port = free_port().to_string();
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", find_ministack().display());
    // Where `local install` puts it, and where it was put by hand before there was that.
    for folder in ["tools", "ministack"] {
        let started = Test::new()
            .executable(&format!("home/.local/share/qfleet/{folder}/bin/ministack"), &script)
            .args(["local", "start", "--port", &port])
            .stdout_contains("started")
            .run();
        started
            .then()
            .args(["local", "stop", "--yes"])
            .stdout_contains("stopped")
            .run();
    }
}

#[test]
fn one_that_dies_at_its_start_has_its_last_words_shown() {
    Test::new()
        .executable(
            "broken",
            "#!/bin/sh\necho 'no module named \u{1b}[31mministack'\nexit 7\n",
        )
        .env("QFLEET_MINISTACK", "./broken")
        .args(["local", "start", "--port", &free_port().to_string()])
        .status(1)
        .stderr_contains("the local emulator ended while it was starting (exit status: 7)")
        .stderr_contains("no module named \u{fffd}[31mministack")
        .stderr_contains("emulator.log")
        .run()
        .then()
        .args(["local", "status", "--exit-code"])
        .status(3)
        .run();
}

#[test]
fn one_that_ignores_sigterm_is_ended_all_the_same() {
    let place = Place::new();
    let script = format!(
        "#!/bin/sh\ntrap '' TERM\n{} &\nwhile :; do sleep 0.1; done\n",
        find_ministack().display()
    );
    let start = place.start().executable("stubborn", script);
    let program = start.path("stubborn");
    start.env("QFLEET_MINISTACK", program).stdout_contains("started").run();
    place.local("stop").args(["--yes"]).stdout_contains("stopped").run();
    let lock = place.start.path(&format!("{STATE}/emulator.lock"));
    let lock = OpenOptions::new().write(true).open(lock).expect("the lock");
    lock.try_lock().expect("nobody holds the lock");
}

#[test]
fn local_commands_use_the_emulator_that_runs() {
    let place = Place::new();
    place.start().run();
    place
        .start
        .then()
        .file("lab.yaml", ENVIRONMENT)
        .executable("program/run", "#!/bin/sh\n")
        .args(["status", "lab.yaml", "--local"])
        // Whatever the user's AWS configuration says: with --local it doesn't count, and the file's region goes before a
        // variable's.
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_PROFILE", "none-of-that-name")
        .env("AWS_REGION", "eu-west-1")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .stdout_contains("lab is not deployed in account 000000000000, us-east-2")
        .stderr_lacks("Started")
        .run();
    let nothing_configured = || {
        let run = place.start.then().env("AWS_EC2_METADATA_DISABLED", "true");
        run.args(["status", "--name", "nobody"])
    };
    let here = "The local emulator runs here: --local goes there";
    nothing_configured()
        .status(2)
        .stderr_contains("error: no region")
        .stderr_contains(here)
        .run();
    nothing_configured()
        .env("AWS_REGION", "us-east-2")
        .status(1)
        .stderr_contains("error: there are no AWS credentials")
        .stderr_contains(here)
        .run();
    let nobody = |region: &str, option: &[&str]| {
        let run = place.start.then().env("AWS_REGION", region).env("AWS_PROFILE", "none");
        run.args(["status", "--name", "nobody", "--local"])
            .args(option.iter().copied())
    };
    nobody("eu-west-1", &[])
        .stdout_contains("nobody is not deployed in account 000000000000, eu-west-1")
        .stdout_contains("Only eu-west-1 was looked in, because AWS_REGION names it.")
        .stdout_lacks("--all-regions")
        .stderr("")
        .run();
    let unknown = "warning: qfleet knows no region `us-esat-1`: did you mean `us-east-1`?\n";
    nobody("us-esat-1", &[]).stderr(unknown).run();
    nobody("eu-west-1", &["--region", "us-esat-1"]).stderr(unknown).run();
    place.local("stop").args(["--yes"]).run();
    nothing_configured()
        .status(2)
        .stderr_contains("error: no region")
        .stderr_lacks("--local")
        .run();
}

/// What a command says whose whole output goes to a pipe, which it is also given as a descriptor that it knows nothing of:
/// shells and test runners leave such open. Reads on until nobody holds the pipe any more.
fn read_to_the_end(test: &Test) -> String {
    let known = test.command();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" 2>&1 9>&1"])
        .arg(known.get_program())
        .args(known.get_args())
        .env_clear()
        .envs(known.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(known.get_current_dir().expect("a folder"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = shell.spawn().expect("a shell");
    let mut pipe = child.stdout.take().expect("a pipe");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut said = String::new();
        pipe.read_to_string(&mut said).expect("text");
        tell.send(said)
    });
    let ended = child.wait().expect("it ends");
    let said = told
        .recv_timeout(Duration::from_secs(20))
        .expect("something holds the pipe");
    assert!(ended.success(), "{said}");
    said
}

#[test]
fn what_goes_on_in_the_background_holds_no_pipe_of_who_started_it() {
    let place = Place::new();
    let said = read_to_the_end(&place.start());
    assert!(said.contains("started at"), "{said}");
    let up = place
        .start
        .then()
        .file("lab.yaml", ENVIRONMENT)
        .executable("program/run", "#!/bin/sh\nexec sleep 600\n")
        .args(["local", "up", "lab.yaml", "--detach", "--speed", "60"]);
    let said = read_to_the_end(&up);
    assert!(said.contains("Local fleet of lab runs in the background"), "{said}");
    // The deploy before it was not asked for: it says little.
    assert!(
        said.contains("lab is to be deployed to account 000000000000, us-east-2 first. "),
        "{said}"
    );
    assert!(said.contains("created lab-work in "), "{said}");
    assert!(!said.contains("CREATE_COMPLETE"), "{said}");
    assert!(said.lines().count() < 15, "{said}");
    place.local("down").args(["--yes"]).stdout_contains("stopped").run();
}

#[test]
fn commands_that_look_into_the_emulator_start_none() {
    let place = Place::new();
    for verb in [
        &["status", "lab.yaml"][..],
        &["list"],
        &["logs", "lab.yaml"],
        &["outputs", "lab.yaml"],
        &["drift", "lab.yaml"],
        &["events", "lab.yaml"],
        &["dlq", "sample", "lab.yaml"],
        &["destroy", "lab.yaml", "--yes"],
    ] {
        let help = match verb {
            ["list"] => {
                "`qfleet deploy ENV --local` starts it, as `qfleet local up ENV` and `qfleet local start` do; one that qfleet \
                 didn't start is named with --endpoint-url"
            }
            _ => {
                "one that qfleet didn't start is named with --endpoint-url; this starts qfleet's own, and deploys lab: qfleet \
                 deploy lab.yaml --local"
            }
        };
        let run = place.start.then().file("lab.yaml", ENVIRONMENT);
        run.executable("program/run", "#!/bin/sh\n")
            .args(verb.iter().copied())
            .args(["--local"])
            .status(1)
            .stdout("")
            .stderr(format!(
                "error: no local AWS emulator is running, so nothing is deployed to one\n  help: {help}\n"
            ))
            .run();
    }
    place.local("status").args(["--exit-code"]).status(3).run();
}

#[test]
fn local_commands_refuse_an_endpoint_elsewhere() {
    for url in [
        "https://cloudformation.us-east-2.amazonaws.com",
        "http://0.0.0.0:4566",
        "http://127.0.0.1@10.0.0.1",
    ] {
        Test::new()
            .file("lab.yaml", ENVIRONMENT)
            .executable("program/run", "#!/bin/sh\n")
            .args(["status", "lab.yaml", "--local", "--endpoint-url", url])
            .status(2)
            .stdout("")
            .stderr_contains("the local emulator is reached over loopback only")
            .run();
    }
}
