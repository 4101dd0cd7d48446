//! Which of the program's messages a test makes appear: `tests/messages.md` lists them, and `tests/messages.py` compares.
//! A release build knows nothing of it.

/// Notes where a message is made, and for which test, in the file that `QFLEET_MESSAGES` names.
#[cfg(debug_assertions)]
#[track_caller]
pub(crate) fn note() {
    use std::io::Write;
    let Some(file) = std::env::var_os("QFLEET_MESSAGES") else {
        return;
    };
    let place = std::panic::Location::caller();
    // The harness names the test to the processes that it starts.
    let named = std::env::var("QFLEET_TEST").ok();
    let test = named.or_else(|| std::thread::current().name().map(str::to_owned));
    let line = format!("{place}\t{}\n", test.unwrap_or_default());
    let file = std::fs::File::options().append(true).create(true).open(file);
    // In one piece: many processes write at once. Nothing depends on it but the list.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn note() {}
