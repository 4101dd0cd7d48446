//! Local fleets of one environment, started side by side.

use std::process::{Output, Stdio};
use std::time::Duration;

use crate::emulator::local_fleet::place::{Place, Plan};
use crate::harness::lives;

#[test]
fn of_two_that_are_started_at_once_one_runs_and_the_other_is_refused() {
    let place = Place::new(Plan::new("twice", 1, 1));
    place.qfleet(&["deploy", "fleet.yaml", "--yes"]).run();
    let start = || {
        let args = ["local", "up", "fleet.yaml", "--speed", "60", "--detach"];
        let mut command = place.qfleet(&args).command();
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("qfleet runs")
    };
    for delay in [0, 50, 150, 400, 1000] {
        let first = start();
        // So that they meet at different places.
        std::thread::sleep(Duration::from_millis(delay));
        let second = start();
        let ended = [first, second].map(|one| one.wait_with_output().expect("ends"));
        let mut codes: Vec<_> = ended.iter().map(|one| one.status.code()).collect();
        codes.sort();
        let text = |one: &Output| String::from_utf8_lossy(&one.stderr).into_owned();
        let said = ended.each_ref().map(text).concat();
        assert_eq!(codes, [Some(0), Some(4)], "{delay} ms: {said}");
        assert!(said.contains("error: a local fleet of twice runs already\n"), "{said}");
        let workers = place.in_service(1);
        assert!(lives(place.state().expect("a state").pid), "{delay} ms: it was ended");
        assert!(workers.values().all(|pid| lives(*pid)));
        let log = std::fs::read_to_string(place.fleet_path("supervisor.log")).expect("a log");
        assert!(!log.contains("runs already") && !log.contains("stopping"), "{log}");
        place.first.then().args(["local", "down", "--yes"]).run();
    }
}
