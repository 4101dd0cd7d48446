//! A queue, its group and the controller in a loop, minute by minute.

use super::*;

/// What a run was like.
#[derive(Debug)]
struct Run {
    /// The desired capacity after each minute.
    desired: Vec<u32>,
    /// The messages that waited at the end of each minute.
    waiting: Vec<f64>,
}

impl Run {
    /// How often the desired capacity turned from growing to shrinking or back.
    fn turns(&self) -> usize {
        let mut changes: Vec<bool> = self
            .desired
            .windows(2)
            .filter(|pair| pair[0] != pair[1])
            .map(|pair| pair[0] < pair[1])
            .collect();
        changes.dedup();
        changes.len().saturating_sub(1)
    }
}

/// Lets this many messages arrive in each minute; an instance works off ten. Instances take a minute to come into
/// service and one to leave; metrics tell of a minute when it is over.
fn run(mut group: Group, arriving: impl Fn(Minute) -> f64, minutes: Minute) -> Run {
    let policies = [from_zero(), tracking("backlog", 100.0, backlog_per_instance())];
    let mut metrics = Metrics::default();
    let mut waiting: f64 = 0.0;
    let mut run = Run {
        desired: Vec::new(),
        waiting: Vec::new(),
    };
    for now in 0..minutes {
        group.instances.retain(|instance| *instance != Instance::Terminating);
        for instance in &mut group.instances {
            if *instance == Instance::Pending {
                *instance = Instance::InService(now * 60);
            }
        }
        let running = group.instances.len() as f64;
        waiting = (waiting + arriving(now) - running * 10.0).max(0.0);
        metrics.put(&metric("visible"), now, waiting);
        metrics.put(&metric("inflight"), now, 0.0);
        metrics.put(&metric("running"), now, running);
        let decision = decide(&policies, &metrics, &group, now, &Model::default());
        group.alarms = decision.states();
        if let Some(desired) = decision.desired {
            for _ in group.desired..desired {
                group.instances.push(Instance::Pending);
            }
            if desired < group.desired {
                group.last_scale_in = Some(now);
                for instance in group.instances.iter_mut().skip(desired as usize) {
                    *instance = Instance::Terminating;
                }
            }
            group.desired = desired;
        }
        run.desired.push(group.desired);
        run.waiting.push(waiting);
    }
    run
}

#[test]
fn a_burst_is_worked_off_and_the_group_goes_back_to_nothing() {
    let run = run(group(0), |now| if now == 5 { 3_000.0 } else { 0.0 }, 120);
    // One instance at once, and three minutes after the burst as many as the backlog asks for.
    assert_eq!(run.desired[4..9], [0, 1, 1, 30, 30]);
    assert_eq!(run.waiting.last(), Some(&0.0));
    assert_eq!(run.desired.last(), Some(&0));
    assert_eq!(run.turns(), 1, "{run:?}");
}

#[test]
fn a_steady_load_finds_a_steady_group() {
    let run = run(
        Group {
            min: 1,
            max: 20,
            ..group(1)
        },
        |_| 55.0,
        400,
    );
    // Six instances work off what comes in, and none of them has nothing to do for long.
    assert!(
        run.desired[200..].iter().all(|desired| (5..=7).contains(desired)),
        "{run:?}"
    );
    assert!(run.waiting[200..].iter().all(|waiting| *waiting <= 700.0), "{run:?}");
}

#[test]
fn a_group_at_its_bounds_stays_there() {
    let run = run(
        Group {
            min: 2,
            max: 4,
            ..group(2)
        },
        |_| 1_000.0,
        60,
    );
    assert_eq!(run.desired.iter().max(), Some(&4));
    assert!(run.desired[10..].iter().all(|desired| *desired == 4));
}
