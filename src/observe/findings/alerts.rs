//! Of whoever is to be told of alarms.

use super::Words;
use crate::observe::alerts::{Alerts, AlertsState};
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::Warning;

pub(super) fn of(alerts: &Alerts, words: &Words) -> Option<Finding> {
    let Alerts { email, topic, state } = alerts;
    // Subscribing a mailbox that waits for its confirmation sends the mail again
    // (<https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>).
    let again = format!("aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {email}");
    match state {
        AlertsState::Confirmed => None,
        AlertsState::Unconfirmed => {
            let meaning =
                format!("{email} hasn't confirmed that it wants alerts: nobody is told when an alarm goes off");
            let action = "follow the link in the mail from AWS Notifications; this sends it again";
            Some(Finding::new("alerts-unconfirmed", Warning, meaning, action).command(again))
        }
        AlertsState::Unsubscribed => {
            let meaning =
                format!("{email} isn't subscribed to the alerts any more: nobody is told when an alarm goes off");
            let action = format!(
                "subscribe it again and follow the link in the mail, or take `alerts` out of {}",
                words.file
            );
            Some(Finding::new("alerts-unsubscribed", Warning, meaning, action).command(again))
        }
    }
}
