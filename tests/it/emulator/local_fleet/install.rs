//! A program's `install` is run before its first `run`, in a copy of the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::emulator::local_fleet::place::{Place, Plan};

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
    place.qfleet(&["local", "down"]).run();
}
