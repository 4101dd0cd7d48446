//! A subscription's filter that was changed by hand.

use super::{findings, look};
use crate::endpoint::Script;
use crate::scripted::drift::as_deployed::*;
use crate::scripted::drift::services::subscription;

/// What SNS says of the subscription, and what is found.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn a_filter_that_was_changed_by_hand_is_found() {
    let filter = |key: &str| format!(r#"{{"Records":{{"s3":{{"object":{{"key":[{{"suffix":"{key}"}}]}}}}}}}}"#);
    let declared = format!(
        "RawMessageDelivery: true\n      FilterPolicyScope: MessageBody\n      FilterPolicy: {}\n",
        filter(".png")
    );
    let template = TEMPLATE.replace("RawMessageDelivery: true\n", &declared);
    let (png, jpg) = (filter(".png"), filter(".jpg"));
    let body = ("FilterPolicyScope", "MessageBody");
    let rows: [Row<'_>; 4] = [
        (&[("FilterPolicy", &png), body], &[]),
        (
            &[("FilterPolicy", &jpg), body],
            &["Subscription FilterPolicy/Records/s3/object/key unexpected qfleet"],
        ),
        (
            &[("FilterPolicy", &png), ("FilterPolicyScope", "MessageAttributes")],
            &["Subscription FilterPolicyScope unexpected qfleet"],
        ),
        // The scope isn't told then.
        (&[], &["Subscription FilterPolicy unexpected qfleet"]),
    ];
    for (fields, wanted) in rows {
        let endpoint = serve_template(&template, Script::new(), |script, ids| {
            let id = ids.of("Subscription");
            script.says("GetSubscriptionAttributes", id, subscription(fields))
        });
        assert_eq!(findings(&look(&endpoint)), wanted, "{fields:?}");
    }
}
