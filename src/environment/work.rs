//! A bad file takes no longer to check for each of its lines, however many it has.

use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::parse;

/// The processor time that this thread used. Wall-clock time would say how busy the machine is.
fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock").into()
}

fn check(text: &str, problems: usize) -> Duration {
    let began = used();
    let found = parse(Path::new("lab.yaml"), text.to_owned()).expect_err("no problem");
    assert_eq!(found.located().count(), 20);
    let took = used() - began;
    assert!(found.list.len() + found.more >= problems, "{}", found.more);
    took
}

#[test]
fn work_grows_no_faster_than_a_bad_file() {
    type Write = fn(usize) -> String;
    let files: [(&str, Write); 4] = [
        ("the same key again and again", |count| "a: 1\n".repeat(count)),
        ("each key twice", |count| {
            (0..count).map(|n| format!("a{}: 1\n", n / 2)).collect()
        }),
        ("unknown keys", |count| {
            (0..count).map(|n| format!("a{n}: 1\n")).collect()
        }),
        ("all in one line", |count| {
            let keys: Vec<String> = (0..count).map(|n| format!("a{}: 1", n / 2)).collect();
            format!("{{{}}}\n", keys.join(", "))
        }),
    ];
    for (what, file) in files {
        let (few, many) = (file(1000), file(8000));
        // A check that looks at everything before each key takes twenty times as long, or more. A processor that is
        // shared is now and then slower, so the best of three counts.
        let times = (0..3).map(|_| check(&many, 8000).as_secs_f64() / check(&few, 1000).as_secs_f64());
        let slow: Vec<f64> = times.take_while(|times| *times >= 14.0).collect();
        assert!(
            slow.len() < 3,
            "{what}: {slow:?} times as long for eight times as many keys"
        );
    }
}
