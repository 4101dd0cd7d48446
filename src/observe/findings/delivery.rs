//! What is to be looked into about delivery.

use super::Words;
use crate::cloud::cloudfront::Distribution;
use crate::environment::Delivery;
use crate::observe::delivery::DeliveryState;
use crate::observe::finding::{Finding, Severity};

/// `in_progress`: its stack is just being changed.
pub fn of(delivery: &DeliveryState, in_progress: bool, words: &Words) -> Option<Finding> {
    if in_progress {
        return None;
    }
    let id = &delivery.distribution;
    let name = delivery.url.trim_start_matches("https://");
    let is_answered =
        |state: &Distribution| name == delivery.domain_name || state.aliases.iter().any(|alias| alias == name);
    let finding = match &delivery.state {
        None => Finding::new(
            "delivery-gone",
            Severity::Critical,
            format!("its distribution {id} is gone: nobody gets a file"),
            "put it back, or deploy its stack anew",
        ),
        Some(state) if !state.enabled => Finding::new(
            "delivery-disabled",
            Severity::Critical,
            format!("somebody disabled its distribution {id}: nobody gets a file"),
            "enable it again if that isn't meant",
        ),
        Some(state) if !is_answered(state) => Finding::new(
            "delivery-name-gone",
            Severity::Critical,
            format!("its distribution {id} doesn't answer for {name} any more"),
            "give it the name back if that isn't meant",
        ),
        Some(_) => return None,
    };
    let drift = format!("qfleet drift {}", words.environment);
    Some(finding.of_stage(Delivery::PART).command(drift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_that_answers_nobody_or_not_for_its_name_is_critical() {
        let words = Words::new(Some("lab".into()), "lab");
        let delivery = |url: &str, state| DeliveryState {
            url: url.into(),
            distribution: "E1".into(),
            domain_name: "d1.cloudfront.net".into(),
            state,
            fetch_with: None,
        };
        let state = |enabled, aliases: &[&str]| {
            Some(Distribution {
                enabled,
                status: "Deployed".into(),
                aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            })
        };
        let found = |delivery: &DeliveryState| of(delivery, false, &words).map(|finding| finding.id);
        let (given, own) = ("https://d1.cloudfront.net", "https://files.example.com");
        assert_eq!(found(&delivery(given, state(true, &[]))), None);
        assert_eq!(found(&delivery(own, state(true, &["files.example.com"]))), None);
        for (sick, id) in [
            (delivery(given, None), "delivery-gone"),
            (delivery(given, state(false, &[])), "delivery-disabled"),
            (delivery(own, state(true, &["other.example.com"])), "delivery-name-gone"),
        ] {
            let finding = of(&sick, false, &words).expect(id);
            assert_eq!((finding.id, finding.severity), (id, Severity::Critical));
            assert_eq!(finding.command.as_deref(), Some("qfleet drift lab"));
            assert_eq!(of(&sick, true, &words), None, "its stack is just being changed");
        }
    }
}
