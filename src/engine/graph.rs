//! Work on things that need each other: each begins as soon as what it needs is done; what fails stops what needs it,
//! and nothing else.

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// How one piece of work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finished<T, E> {
    Done(T),
    Failed(E),
    /// It was never begun: something it needs did not end well, or work was stopped.
    Skipped {
        /// What it needs that isn't there; `None` when work was stopped.
        because: Option<String>,
    },
}

/// Does `work` for every name in `needs` (name → names that must be done first), at most `concurrency` at once.
/// Nothing new begins once `stop()` says so. Names that are needed and aren't keys count as done. A cycle is skipped.
pub async fn run<T, E, F, Work, Stop>(
    needs: &BTreeMap<String, Vec<String>>,
    concurrency: usize,
    stop: Stop,
    work: Work,
) -> BTreeMap<String, Finished<T, E>>
where
    Work: Fn(String) -> F,
    F: Future<Output = Result<T, E>>,
    Stop: Fn() -> bool,
{
    let mut finished: BTreeMap<String, Finished<T, E>> = BTreeMap::new();
    let mut waiting: Vec<&String> = needs.keys().collect();
    let mut running = FuturesUnordered::new();
    loop {
        let mut rest = Vec::new();
        let mut skipped_one = false;
        for name in waiting {
            let needed = || needs[name].iter().filter(|need| needs.contains_key(*need));
            let missing = needed().find(|need| {
                matches!(
                    finished.get(*need),
                    Some(Finished::Failed(_) | Finished::Skipped { .. })
                )
            });
            if stop() {
                finished.insert(name.clone(), Finished::Skipped { because: None });
                skipped_one = true;
            } else if let Some(missing) = missing {
                let because = Some(missing.clone());
                finished.insert(name.clone(), Finished::Skipped { because });
                skipped_one = true;
            } else if running.len() < concurrency.max(1) && needed().all(|need| finished.contains_key(need)) {
                let begun = work(name.clone());
                running.push(async move { (name.clone(), begun.await) });
            } else {
                rest.push(name);
            }
        }
        waiting = rest;
        if skipped_one {
            continue;
        }
        match running.next().await {
            Some((name, Ok(value))) => finished.insert(name, Finished::Done(value)),
            Some((name, Err(error))) => finished.insert(name, Finished::Failed(error)),
            None => break,
        };
    }
    for name in waiting {
        finished.insert(name.clone(), Finished::Skipped { because: None });
    }
    finished
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    fn needs(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        pairs
            .iter()
            .map(|(name, needs)| {
                (
                    (*name).to_owned(),
                    needs.iter().map(|need| (*need).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[tokio::test]
    async fn each_begins_after_what_it_needs() {
        let order = RefCell::new(Vec::new());
        let finished = run(
            &needs(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &["not-ours"])]),
            4,
            || false,
            |name| {
                order.borrow_mut().push(name);
                async { Ok::<_, ()>(()) }
            },
        )
        .await;
        assert_eq!(*order.borrow(), ["c", "b", "a"]);
        assert!(finished.values().all(|one| *one == Finished::Done(())));
    }

    #[tokio::test]
    async fn a_failure_stops_what_needs_it_and_nothing_else() {
        let finished = run(
            &needs(&[
                ("base", &[]),
                ("on-base", &["base"]),
                ("on-that", &["on-base"]),
                ("other", &[]),
            ]),
            4,
            || false,
            |name| async move { if name == "base" { Err("broken") } else { Ok(()) } },
        )
        .await;
        assert_eq!(finished["base"], Finished::Failed("broken"));
        assert_eq!(
            finished["on-base"],
            Finished::Skipped {
                because: Some("base".into())
            }
        );
        assert_eq!(
            finished["on-that"],
            Finished::Skipped {
                because: Some("on-base".into())
            }
        );
        assert_eq!(finished["other"], Finished::Done(()));
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_allowed() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
        let all = names.iter().map(|name| (name.clone(), Vec::new())).collect();
        run(
            &all,
            3,
            || false,
            |_| async {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                tokio::task::yield_now().await;
                now.set(now.get() - 1);
                Ok::<_, ()>(())
            },
        )
        .await;
        assert_eq!(most.get(), 3);
    }

    #[tokio::test]
    async fn nothing_new_begins_once_stopped_and_cycles_end() {
        let stopped = Cell::new(false);
        let finished = run(
            &needs(&[("a", &[]), ("b", &["a"]), ("x", &["y"]), ("y", &["x"])]),
            1,
            || stopped.get(),
            |_| async {
                stopped.set(true);
                Ok::<_, ()>(())
            },
        )
        .await;
        assert_eq!(finished["a"], Finished::Done(()));
        for name in ["b", "x", "y"] {
            assert_eq!(finished[name], Finished::Skipped { because: None }, "{name}");
        }
    }
}
