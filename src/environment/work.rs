//! How much work a check does, in steps, for the test that it grows no faster than the file: a clock would say how busy
//! the machine is.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// So many things were looked at, where a careless change would look at all of them again and again.
pub(super) fn done(steps: usize) {
    #[cfg(test)]
    STEPS.with(|all| all.set(all.get() + steps));
    #[cfg(not(test))]
    let _ = steps;
}

/// The steps of this thread since the last time.
#[cfg(test)]
pub(super) fn take() -> usize {
    STEPS.with(std::cell::Cell::take)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::environment::parse;

    /// The steps for a bad file, and how many problems it has.
    fn steps(text: String) -> (usize, usize) {
        super::take();
        let Err(problems) = parse(Path::new("lab.yaml"), text) else {
            panic!("no problem");
        };
        assert_eq!(problems.located().count(), 20);
        (super::take(), problems.list.len() + problems.more)
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
            let ((few, problems), (many, more_problems)) = (steps(file(500)), steps(file(4000)));
            assert!(
                problems >= 500 && more_problems >= 4000,
                "{what}: {problems}, {more_problems}"
            );
            assert!(
                many < 12 * few,
                "{what}: {few} steps for 500 keys, {many} for eight times as many"
            );
        }
    }
}
