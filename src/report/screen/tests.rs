//! What the screen looks like at every size. After a change that is meant:
//! `INSTA_UPDATE=always cargo test --lib screen`, and read what changed.

mod findings;
mod function;
mod made;
mod web;

use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::observe::local_fleet::LocalFleet;
use crate::observe::watch::Phase;
pub use made::{ZONES, at, busy, instances, snapshot, stack, stage};

fn view(snapshot: Snapshot) -> View {
    let mut view = View::default();
    view.see(snapshot);
    view
}

fn terminal(view: &mut View, colors: bool, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let mut fits = 0;
    terminal
        .draw(|frame| fits = draw::draw(view, Theme { colors }, frame))
        .expect("drawn");
    view.fits = fits;
    terminal
}

fn drawn(view: &mut View, width: u16, height: u16) -> String {
    let terminal = terminal(view, false, width, height);
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..height {
        let row: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        let _ = writeln!(text, "│{row}│");
    }
    text
}

fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn a_spot_notice_is_seen_and_explained() {
    let mut noticed = busy();
    assert!(!drawn(&mut view(noticed.clone()), 80, 24).contains("spot notice"));
    if let Some(group) = &mut instances(&mut noticed.status.stages[0]).group {
        group.instances[0].spot_notice = Some(at(120));
    }
    let text = drawn(&mut view(noticed), 80, 24);
    assert!(text.contains("us-east-2a  !   D"), "{text}");
    assert!(text.contains("│! spot notice  I in service"), "{text}");
}

#[test]
fn a_stage_without_instances_shows_its_queues() {
    let mut without = busy();
    without.status.stages.truncate(1);
    let stage = &mut without.status.stages[0];
    (stage.instances, stage.backlog) = (None, None);
    let text = drawn(&mut view(without), 80, 24);
    assert!(
        text.contains("queue     1204 waiting  12 in flight  0 dead letters"),
        "{text}"
    );
    assert!(text.contains("backlog   does not scale"), "{text}");
    assert!(!text.contains("unknown") && !text.contains("instances"), "{text}");
}

#[test]
fn a_queue_that_is_empty_has_no_oldest_message() {
    let mut empty = busy();
    empty.status.stages.truncate(1);
    empty.status.stages[0].queue = empty.status.stages[0].dead_letters;
    let text = drawn(&mut view(empty), 80, 24);
    assert!(
        text.contains("queue     0 waiting  0 in flight  0 dead letters  done 42/min"),
        "{text}"
    );
}

#[test]
fn three_stages_fit_into_the_smallest_usual_terminal_and_use_larger_ones() {
    for (width, height) in [(80, 24), (120, 40), (60, 20), (200, 50)] {
        let text = drawn(&mut view(busy()), width, height);
        compare(&format!("screen-three-stages-{width}x{height}"), &text);
    }
}

#[test]
fn a_fleet_that_lost_its_supervisor_says_so_in_the_smallest_usual_terminal() {
    let mut lost = busy();
    lost.status.local = true;
    lost.status.orphans = Some(4);
    let text = drawn(&mut view(lost), 80, 24);
    assert!(
        text.contains("  no supervisor  ") && !text.contains("no local fleet"),
        "{text}"
    );
}

#[test]
fn a_worker_whose_supervisor_was_killed_is_drawn_as_one_that_runs_on() {
    let mut view = view(busy());
    let mut lost = busy();
    lost.status.local = true;
    lost.status.orphans = Some(1);
    lost.status.stages.truncate(1);
    lost.status.stages[0] = stage("move", &["us-east-2a:i-01:Orphaned"]);
    view.see(lost);
    let text = drawn(&mut view, 80, 24);
    assert!(text.contains("us-east-2a  O "), "{text}");
    assert!(text.contains("O orphaned"), "{text}");
}

#[test]
fn one_stage_of_a_local_fleet_with_a_read_that_failed() {
    let mut one = busy();
    one.status.stages.truncate(1);
    one.status.local = true;
    one.status.local_fleet = Some(LocalFleet {
        pid: 42,
        speed: 10,
        started: one.status.at,
    });
    one.status.unknown = vec!["move: GetQueueAttributes failed: timed out".into(), "more".into()];
    one.status.stages[0].queue = None;
    one.status.stages[0].dead_letters = None;
    compare("screen-one-stage-80x24", &drawn(&mut view(one), 80, 24));
}

#[test]
fn before_while_and_after_the_stages_are_there() {
    let mut text = drawn(&mut View::default(), 60, 3);
    let mut unreadable = snapshot(Phase::Unknown, Vec::new(), Vec::new());
    unreadable.status.unknown = vec!["DescribeStacks failed: not authorized".into()];
    let creating = vec![
        stack("artifacts", "CREATE_COMPLETE"),
        stack("intake", "CREATE_IN_PROGRESS"),
    ];
    let mut failed = vec![stack("move", "ROLLBACK_COMPLETE")];
    failed[0].reason = Some("The following resource(s) failed to create: [Group].".into());
    for snapshot in [
        unreadable,
        snapshot(Phase::NotDeployed, Vec::new(), Vec::new()),
        snapshot(Phase::Deployed, creating, Vec::new()),
        snapshot(Phase::Deployed, failed, Vec::new()),
        snapshot(Phase::Deployed, vec![stack("intake", "DELETE_IN_PROGRESS")], Vec::new()),
    ] {
        text += &drawn(&mut view(snapshot), 80, 6);
    }
    compare("screen-without-stages", &text);
}

#[test]
fn many_stages_are_scrolled() {
    let stages = (1..=9).map(|n| stage(&format!("stage-{n}"), &ZONES)).collect();
    let mut view = view(snapshot(Phase::Deployed, Vec::new(), stages));
    let first = drawn(&mut view, 80, 24);
    assert!(
        first.contains("── stage-1 ") && first.contains("── stage-4 "),
        "{first}"
    );
    assert!(first.contains("stages 1-4 of 9  j/k scroll  q leave"), "{first}");
    view.act(Action::Scroll(1));
    view.act(Action::Page(1));
    let middle = drawn(&mut view, 80, 24);
    assert!(middle.contains("stages 6-9 of 9"), "{middle}");
    assert!(!middle.contains("── stage-5 "), "{middle}");
    compare("screen-many-stages-80x24", &middle);
    let larger = drawn(&mut view, 80, 50);
    assert!(larger.contains("── stage-1 "), "all fit again: {larger}");
}

#[test]
fn an_instance_that_is_gone_and_the_one_that_takes_its_place() {
    let mut view = view(busy());
    let mut later = busy();
    later.status.stages[0] = stage(
        "move",
        &[
            "us-east-2a:i-01:InService",
            "us-east-2b:i-03:InService",
            "us-east-2b:i-04:InService",
            "us-east-2c:i-05:InService",
            "us-east-2a:i-06:Pending",
        ],
    );
    view.see(later);
    let text = drawn(&mut view, 80, 24);
    let cells = text
        .lines()
        .find(|line| line.contains("us-east-2a"))
        .expect("its zones");
    assert!(cells.starts_with("│us-east-2a  I   ×   P"), "{cells}");
    assert!(cells.contains("us-east-2b  I   I"), "{cells}");
}

#[test]
fn more_instances_than_fit_are_counted() {
    let many: Vec<String> = (0..200)
        .map(|n| format!("us-east-2{}:i-{n}:InService", ["a", "b"][n % 2]))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut view = view(snapshot(Phase::Deployed, Vec::new(), vec![stage("move", &many)]));
    let text = drawn(&mut view, 80, 24);
    assert!(text.contains(&format!("us-east-2a {} +", "I".repeat(63))), "{text}");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let colored = |colors: bool| {
        let terminal = terminal(&mut view(busy()), colors, 80, 24);
        let cells = terminal.backend().buffer().content().to_vec();
        cells
            .iter()
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count()
    };
    assert_eq!(colored(false), 0);
    assert!(colored(true) > 50);
    let terminal = terminal(&mut view(busy()), true, 80, 24);
    let buffer = terminal.backend().buffer();
    let has = |letter: &str, color: Color| {
        let mut cells = buffer.content().iter();
        cells.any(|cell| cell.symbol() == letter && cell.fg == Color::Black && cell.bg == color)
    };
    assert!(has("I", Color::Green) && has("P", Color::Yellow) && has("D", Color::Cyan));
}

#[test]
fn no_size_is_too_small_and_no_text_too_odd() {
    let mut odd = busy();
    odd.status.address.environment = "x".repeat(300);
    odd.status.unknown = vec!["日本語 \u{1b}[31m \n tab\t".repeat(9)];
    odd.status.stages[1].stage = "a-very-long-name".repeat(20);
    instances(&mut odd.status.stages[0]).activities[0].cause = "word ".repeat(500);
    odd.status.stages[2].queue = None;
    instances(&mut odd.status.stages[2]).group = None;
    odd.status.stages[1].instances = None;
    for snapshot in [busy(), odd, snapshot(Phase::Deployed, Vec::new(), Vec::new())] {
        for width in (1..=130).step_by(7) {
            for height in (1..=45).step_by(2) {
                let text = drawn(&mut view(snapshot.clone()), width, height);
                assert!(!text.contains('\u{1b}'), "{width}x{height}: {text:?}");
            }
        }
    }
}
