//! A program's `install` is run before its first `run`, in a copy of the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::emulator::local_fleet::place::{Place, Plan};
use crate::harness::lives;

/// A place whose program is started by what this `install` puts there.
fn place(name: &str, install: &str) -> Place {
    let place = Place::new(Plan::new(name, 1, 1));
    for (file, script) in [("run", "exec ./start"), ("install", install)] {
        let path = place.first.path("program").join(file);
        fs::write(&path, format!("#!/bin/sh\nset -eu\n{script}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    place
}

#[test]
fn what_install_puts_there_is_run_and_only_in_the_copy() {
    let install = "touch $HOME/mine
printf '#!/bin/sh\\nexec python3 -B -S worker.py\\n' >start
chmod +x start
echo $QFLEET_STAGE $QFLEET_LOCAL ${AWS_ACCESS_KEY_ID-none} >said";
    let place = place("installs", install).up();
    place.in_service(1);
    place.send(["job".to_owned()]);
    place.until("it is done", || (place.noted("done ") == 1).then_some(()));
    assert!(
        !place.first.path("program/start").exists(),
        "the folder itself stays as it is"
    );
    let programs = place.fleet_path("programs");
    let copies: Vec<_> = fs::read_dir(&programs).expect("programs").flatten().collect();
    let said = fs::read_to_string(copies[0].path().join("program/said")).expect("what it said");
    assert_eq!(said, "work yes none\n");
}

#[test]
fn an_install_that_fails_is_told_with_its_last_lines() {
    let place = place("uninstallable", "echo looking for dnf; echo no dnf here >&2; exit 7");
    place
        .qfleet(&["local", "up", "fleet.yaml"])
        .status(1)
        .stderr_contains("`install` failed here (exit status: 7):\n  looking for dnf\n  no dnf here")
        .stderr_contains("--no-install")
        .run();
    // Without it, `run` lacks what it would have put there.
    place
        .qfleet(&["local", "up", "fleet.yaml", "--no-install", "--detach"])
        .run();
    let said = place.until("its worker ends", || {
        place.activities().into_iter().find_map(|one| one.status_message)
    });
    assert!(said.contains("start: not found") || said.contains("./start"), "{said}");
    place.qfleet(&["local", "down", "--yes"]).run();
}

/// A deploy whose `install` takes long: it is followed when that is done, and until then the old workers are looked after.
#[test]
fn while_a_new_program_is_installed_the_old_one_goes_on() {
    let start = "printf '#!/bin/sh\\nexec python3 -B -S worker.py\\n' >start\nchmod +x start";
    let place = place("reinstalls", start).up();
    let before = place.in_service(1);
    let (begun, go) = (place.first.path("begun"), place.first.path("go"));
    let slow = format!("#!/bin/sh\nset -eu\n{start}\ntouch {begun:?}\nwhile [ ! -e {go:?} ]; do sleep 0.1; done\n");
    fs::write(place.first.path("program/install"), slow).expect("written");
    place.qfleet(&["deploy", "fleet.yaml", "--yes"]).run();
    place.until("it is being installed", || begun.exists().then_some(()));

    let (id, pid) = before.first_key_value().expect("one");
    kill(Pid::from_raw(*pid), Signal::SIGKILL).expect("killed");
    let other = |than: &String| place.in_service(1).into_keys().find(|id| id != than);
    let second = place.until("it is replaced", || other(id));
    place.send(["job".to_owned()]);
    place.until("the old one works", || (place.noted("done ") == 1).then_some(()));

    fs::write(&go, "").expect("written");
    place.until("the new one takes over", || other(&second));
}

/// Nobody waits for it any more: what it goes on doing would be done beside the next one.
#[test]
fn an_install_that_a_killed_supervisor_left_behind_is_ended() {
    let start = "printf '#!/bin/sh\\nexec python3 -B -S worker.py\\n' >start\nchmod +x start";
    let mut place = place("abandons", start).up();
    place.in_service(1);
    let begun = place.first.path("begun");
    // What it starts is ended, too.
    let slow = format!(
        "#!/bin/sh\nset -eu\n{start}\nsleep 600 &\necho $$ $! >{begun:?}.new\nmv {begun:?}.new {begun:?}\nwait\n"
    );
    fs::write(place.first.path("program/install"), slow).expect("written");
    place.qfleet(&["deploy", "fleet.yaml", "--yes"]).run();
    let pids = place.until("it is being installed", || fs::read_to_string(&begun).ok());
    let pids: Vec<i32> = pids
        .split_whitespace()
        .map(|pid| pid.parse().expect("a number"))
        .collect();
    kill(Pid::from_raw(place.supervisor_pid()), Signal::SIGKILL).expect("kills");
    place.ended();
    assert!(pids.iter().all(|pid| lives(*pid)), "it outlives its supervisor");
    place.qfleet(&["local", "down", "--yes"]).run();
    place.until("it is ended", || pids.iter().all(|pid| !lives(*pid)).then_some(()));
}
