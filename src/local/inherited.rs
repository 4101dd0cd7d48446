//! Descriptors that whoever started this process left open for it, beside the three standard ones: a pipe of a shell or of a
//! test runner. What goes on after this process must not hold them, or their readers wait for its end.

use std::fs;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Mutex;

use nix::unistd::close;

static INHERITED: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Notes which they are. To be called before this process opens anything itself: from then on they can't be told apart.
pub fn note() {
    let path = |number: RawFd| PathBuf::from(format!("/dev/fd/{number}"));
    let Ok(entries) = fs::read_dir("/dev/fd") else { return };
    let listed: Vec<RawFd> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    if let Ok(mut inherited) = INHERITED.lock() {
        // The one by which they were listed is closed by now.
        let are_open = listed
            .into_iter()
            .filter(|number| path(*number).symlink_metadata().is_ok());
        inherited.extend(are_open);
    }
}

/// Closes them here, and so for all that is started from now on. What a user's own `build` may need of them, such as make's
/// job server, must be over.
pub fn let_go() {
    let Ok(mut inherited) = INHERITED.lock() else { return };
    for number in inherited.drain(..) {
        // One that can't be closed isn't open.
        let _ = close(number);
    }
}
