//! A fleet whose bounds follow a schedule, and a destroy that is stopped on the way.

use qfleet::cloud::autoscaling::groups::Group;

use super::*;

fn noon() -> jiff::Timestamp {
    "2031-03-04T12:00:00Z".parse().expect("a time")
}

fn night() -> jiff::Timestamp {
    "2031-03-04T20:00:00Z".parse().expect("a time")
}

fn later_that_night() -> jiff::Timestamp {
    "2031-03-04T21:00:00Z".parse().expect("a time")
}

fn next_noon() -> jiff::Timestamp {
    "2031-03-05T12:00:00Z".parse().expect("a time")
}

/// A lab whose fleet sleeps from 18:00 to 08:00. It is this time, and the group has these sizes. Gives the group's name.
async fn scheduled(time: fn() -> jiff::Timestamp, sizes: [usize; 3]) -> (Rig, String) {
    let file = "name: lab\nregion: us-east-2\nstages:\n  - name: work\n    workers:\n      instances: {program: program, \
                types: [t3.micro], min: 2, max: 10, capacity: [{cron: '0 18 * * *', min: 0, max: 0}, {cron: '0 8 * * \
                *'}]}\n";
    let mut rig = Rig::of(blueprint(file), Script::new());
    rig.wall = Some(time);
    let group = Box::pin(rig.deploy()).await.well().report().outputs["work"]["GroupName"].clone();
    let drains = Duration::from_secs(30);
    let fleet = ScriptedGroup::new(&group, &["us-east-2a:i-1"])
        .sizes(sizes[0], sizes[1], sizes[2])
        .takes(drains, drains);
    rig.endpoint.rescript(|script| script.group(fleet));
    rig.again();
    (rig, group)
}

/// A destroy that is interrupted once it has shrunk the group and told it to leave its schedule.
async fn stopped_destroy(rig: &mut Rig, group: &str) {
    let stopped =
        |endpoint: &Endpoint| endpoint.group(group).0 == [0, 0, 0] && endpoint.suspended(group) == ["ScheduledActions"];
    // Its future is large, and a test that calls this often has them all on its stack.
    let (ran, _) = tokio::join!(Box::pin(rig.destroy()), rig.interrupt_when(stopped));
    assert_eq!(ran.exit_code(), qfleet::error::exit_code::INTERRUPTED);
    rig.again();
}

async fn found(rig: &Rig, group: &str) -> Group {
    rig.cloud.group(group).await.expect("an answer").expect("a group")
}

/// However often destroys and deploys are stopped on the way: the mark says that the schedule is to be followed again.
#[tokio::test(start_paused = true)]
async fn a_schedule_that_a_destroy_stopped_goes_on_also_when_the_next_destroy_is_stopped_too() {
    // The first destroy was killed before it shrank the group.
    let (mut rig, group) = scheduled(noon, [2, 2, 10]).await;
    let marked = rig.cloud.mark_bounds(&group, bounds(2, 10), Some(noon())).await;
    marked.expect("marked");
    rig.cloud.stop_schedule(&group).await.expect("suspended");
    stopped_destroy(&mut rig, &group).await;
    Box::pin(rig.deploy()).await.well();
    let back = found(&rig, &group).await;
    assert_eq!((back.bounds(), back.suspended_processes), (bounds(2, 10), vec![]));
    // A deploy was killed when it had put the bounds back and nothing else.
    rig.again();
    stopped_destroy(&mut rig, &group).await;
    rig.cloud.put_bounds(&group, bounds(2, 10)).await.expect("put back");
    let plan = rig.plan().await.expect("a plan");
    let shown = qfleet::report::plan::text(&plan, &Default::default(), "lab");
    assert!(shown.contains("2 to 10 instances again"), "{shown}");
    rig.again();
    stopped_destroy(&mut rig, &group).await;
    Box::pin(rig.deploy()).await.well();
    let back = found(&rig, &group).await;
    assert_eq!((back.bounds(), back.suspended_processes), (bounds(2, 10), vec![]));
    // Somebody lets a group that was taken down follow its schedule again: what it had is still known.
    rig.again();
    stopped_destroy(&mut rig, &group).await;
    rig.cloud.follow_schedule(&group).await.expect("by hand");
    stopped_destroy(&mut rig, &group).await;
    Box::pin(rig.deploy()).await.well();
    let back = found(&rig, &group).await;
    assert_eq!((back.bounds(), back.suspended_processes), (bounds(2, 10), vec![]));
}

/// What the schedule would have set meanwhile, and what the group had where it would have set nothing.
#[tokio::test(start_paused = true)]
async fn a_deploy_puts_back_what_the_schedule_says_by_then() {
    let (day, asleep) = ([2, 2, 10], [0, 0, 0]);
    for (stopped, sizes, deployed, back, by_schedule) in [
        (noon as fn() -> _, day, night as fn() -> _, asleep, true),
        (night, asleep, next_noon, day, true),
        // Made at night, it works until its schedule says otherwise.
        (night, day, later_that_night, day, false),
    ] {
        let (mut rig, group) = scheduled(stopped, sizes).await;
        stopped_destroy(&mut rig, &group).await;
        rig.wall = Some(deployed);
        let plan = rig.plan().await.expect("a plan");
        let shown = qfleet::report::plan::text(&plan, &Default::default(), "lab");
        let (min, max) = (back[0], back[2]);
        let words = match by_schedule {
            true => format!("{min} to {max} instances, as its schedule says now"),
            false => format!("{min} to {max} instances again"),
        };
        assert!(shown.contains(&words), "{shown}");
        let ran = rig.deploy().await.well();
        assert_eq!(rig.endpoint.group(&group).0, back, "{words}");
        assert!(
            ran.warnings().iter().any(|said| said.contains(&words)),
            "{:?}",
            ran.warnings()
        );
        assert_eq!(found(&rig, &group).await.suspended_processes, [] as [&str; 0]);
    }
}

/// Else it could launch instances while the others go. A group that sleeps could wake.
#[tokio::test(start_paused = true)]
async fn a_destroy_suspends_the_schedule_and_a_deploy_after_one_that_was_stopped_resumes_it() {
    for (time, sizes) in [(noon as fn() -> _, [2, 2, 10]), (night, [0, 0, 0])] {
        let (mut rig, group) = scheduled(time, sizes).await;
        stopped_destroy(&mut rig, &group).await;
        assert_eq!(found(&rig, &group).await.suspended_processes, ["ScheduledActions"]);
        rig.deploy().await.well();
        let back = found(&rig, &group).await;
        assert_eq!(back.suspended_processes, [] as [&str; 0]);
        assert_eq!([back.min, back.max], [sizes[0] as i32, sizes[2] as i32]);
        assert!(!rig.plan().await.expect("a plan").changes_anything(), "the mark is off");
        // What somebody else has suspended is theirs.
        rig.cloud.stop_schedule(&group).await.expect("by hand");
        rig.again();
        rig.destroy().await.well();
        assert_eq!(
            rig.endpoint.calls("SuspendProcesses").len(),
            2,
            "the first destroy's, and that by hand"
        );
    }
}
