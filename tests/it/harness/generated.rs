//! Files that are written by the tests that check them. Unit tests take this file in by its path.

use std::path::Path;

/// That a file of the repository says `now`. With `INSTA_UPDATE=always` it is written anew.
#[track_caller]
pub fn is_current(path: &str, now: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("INSTA_UPDATE").is_some_and(|when| when == "always") {
        std::fs::write(&file, now).expect("written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == now,
        "{path} is out of date: run this test again with INSTA_UPDATE=always, and read what changed"
    );
}
