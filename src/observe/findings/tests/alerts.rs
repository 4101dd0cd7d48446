//! Whoever is to be told of alarms.

use super::*;
use crate::observe::alerts::{Alerts, AlertsState};

fn with(state: AlertsState) -> Vec<Finding> {
    let alerts = Alerts {
        email: "ops@example.com".into(),
        topic: "arn:t".into(),
        state,
    };
    found(&Status {
        alerts: Some(alerts),
        ..status(vec![stack("alerts", "CREATE_COMPLETE")], Vec::new())
    })
}

#[test]
fn a_mailbox_that_hears_nothing() {
    nothing(&with(AlertsState::Confirmed));
    only(&with(AlertsState::Unconfirmed), "alerts-unconfirmed", Severity::Warning);
    let gone = with(AlertsState::Unsubscribed);
    only(&gone, "alerts-unsubscribed", Severity::Warning);
    assert_eq!(
        gone[0].command.as_deref(),
        Some(
            "aws sns subscribe --topic-arn arn:t --protocol email --notification-endpoint ops@example.com --region \
             us-east-2"
        )
    );
}
