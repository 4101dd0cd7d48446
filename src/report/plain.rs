//! Plain output: nothing is redrawn, coloured or drawn, no line is broken, and words stand where signs would. It is for
//! screen readers and for logs. What goes to a file or a pipe is never redrawn, coloured or broken either: this says when
//! the same holds for a terminal.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};

static PLAIN: AtomicBool = AtomicBool::new(false);

/// From now on, for everything that is printed.
pub fn set() {
    PLAIN.store(true, Ordering::Relaxed);
}

pub fn is() -> bool {
    PLAIN.load(Ordering::Relaxed)
}

/// Whether the surroundings ask for it: by QFLEET_PLAIN, or by a terminal that can only print.
pub fn is_wanted() -> bool {
    let said = env::var_os("QFLEET_PLAIN").is_some_and(|value| !value.is_empty() && value != "0");
    said || env::var_os("TERM").is_some_and(|name| name == "dumb")
}
