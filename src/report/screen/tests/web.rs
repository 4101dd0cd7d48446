//! The web tier's rows, above the stages.

use super::*;
use crate::cloud::load_balancing::Target;
use crate::observe::web::{Requests, WebGone, WebState};

fn with_web() -> Snapshot {
    let mut snapshot = busy();
    let target = |(id, state): (&str, &str)| Target {
        instance: id.into(),
        state: state.into(),
        ..Target::default()
    };
    let mut of_group = stage("web", &["us-east-2a:i-21:InService", "us-east-2b:i-22:InService"]);
    snapshot.status.web = Some(WebState {
        url: "http://lab-w-LoadB-1-1.us-east-2.elb.amazonaws.com".into(),
        load_balancer: "lab-w-LoadB-1".into(),
        targets: Some([("i-21", "healthy"), ("i-22", "unhealthy")].map(target).into()),
        healthy: Some(1),
        group: instances(&mut of_group).group.take(),
        requests: Some(Requests {
            last_minute: Some(42),
            last_hour: 1800,
            errors_last_hour: 3,
            unanswered_last_hour: 0,
        }),
        ..WebState::default()
    });
    snapshot
}

#[test]
fn it_has_a_row_and_where_there_is_room_two() {
    let row = "│web       1 of 2 healthy  2 of 4 in service";
    let text = drawn(&mut view(with_web()), 80, 24);
    assert!(text.contains(row) && text.contains("42 requests/min"), "{text}");
    assert!(!text.contains("elb.amazonaws.com"), "{text}");
    let roomy = drawn(&mut view(with_web()), 200, 50);
    assert!(roomy.contains(row), "{roomy}");
    assert!(
        roomy.contains("elb.amazonaws.com  1800 requests in 1 h  3 with errors of the program"),
        "{roomy}"
    );
}

#[test]
fn what_is_gone_or_not_known_is_no_number() {
    let shown = |gone: Vec<WebGone>| {
        let mut snapshot = with_web();
        if let Some(web) = &mut snapshot.status.web {
            *web = WebState {
                gone,
                ..WebState::default()
            };
        }
        drawn(&mut view(snapshot), 80, 24)
    };
    let unknown = shown(Vec::new());
    assert!(
        unknown.contains("│web       targets not known  group not known "),
        "{unknown}"
    );
    let gone = shown(vec![WebGone::LoadBalancer, WebGone::TargetGroup, WebGone::Group]);
    assert!(
        gone.contains("│web       load balancer gone  targets gone  group gone "),
        "{gone}"
    );
}
