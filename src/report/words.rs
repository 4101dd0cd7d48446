//! Each event in words.

use super::style::{BAD, CAREFUL, FAINT, GOOD, count, many, mark, paint, seconds};
use super::{existing_bucket, switch};
use crate::cloud::cloudformation::events::ResourceEvent;
use crate::engine::event::Event;

/// Why something has just begun that takes long, where that isn't to be expected.
fn takes_minutes(resource: &ResourceEvent) -> Option<&'static str> {
    // CloudFormation tells of a creation twice, the second time with a reason.
    let has_reason = resource.reason.as_ref().is_some_and(|reason| !reason.is_empty());
    if resource.resource_type != "AWS::CloudFront::Distribution" || has_reason {
        return None;
    }
    match resource.status.as_str() {
        "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" => {
            Some("CloudFront brings it to all its places, which takes some minutes")
        }
        // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HowToDeleteDistribution.html
        "DELETE_IN_PROGRESS" => Some("CloudFront first disables it everywhere, which takes some minutes"),
        _ => None,
    }
}

/// An event in words. `every` names what a redrawn line shows by itself.
pub(super) fn lines(event: &Event, every: bool) -> Vec<String> {
    match event {
        Event::OperationStarted { stack, operation, .. } if every => vec![format!("{} {stack}", operation.doing())],
        Event::Resource { stack, resource, .. } if resource.failed() => {
            let reason = resource.reason.as_deref().unwrap_or_default();
            vec![format!(
                "  {stack}: {} {}: {reason}",
                resource.logical_id,
                paint(BAD, &resource.status)
            )]
        }
        Event::Resource { stack, resource, .. } if resource.begins_rollback() => {
            let reason = resource.news().map_or(String::new(), |reason| format!(": {reason}"));
            vec![format!("  {stack} rolls back{reason}")]
        }
        Event::Resource { stack, resource, .. }
            if !resource.is_stack && (every || takes_minutes(resource).is_some()) =>
        {
            let reason = resource.news().or_else(|| takes_minutes(resource));
            let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
            vec![format!(
                "  {stack}: {} {}{reason}",
                resource.logical_id,
                paint(FAINT, &resource.status)
            )]
        }
        Event::OperationEnded {
            stack,
            operation,
            succeeded,
            status,
            seconds: length,
            ..
        } => {
            let length = seconds(*length);
            vec![match succeeded {
                true => format!("{}{} {stack} in {length}", mark(GOOD, "✓"), operation.done()),
                false => format!(
                    "{}{} {stack} failed after {length}: {status}",
                    mark(BAD, "✗"),
                    operation.doing()
                ),
            }]
        }
        Event::Notifications { told, .. } => vec![format!("{}{}", mark(GOOD, "✓"), existing_bucket::told(told))],
        Event::Unchanged { stack, .. } => vec![format!("{}{stack} is unchanged", mark(FAINT, "="))],
        Event::Uploaded { stack, bytes, .. } => {
            let size = crate::environment::units::Size::bytes(*bytes);
            vec![format!("{}uploaded the program of {stack} ({size})", mark(GOOD, "✓"))]
        }
        Event::Draining {
            group, instances_left, ..
        } => match instances_left {
            0 => vec![format!("{}{group} has no instances left", mark(GOOD, "✓"))],
            left => vec![format!("  {group} drains: {} left", count(*left, "instance"))],
        },
        Event::Switching {
            stack,
            to,
            messages_visible,
            messages_in_flight,
            ..
        } => {
            let doing = switch::doing(*to);
            let waiting = many(*messages_visible, "message");
            vec![format!(
                "  {stack} {doing}: {waiting} waiting, {messages_in_flight} in flight"
            )]
        }
        Event::Disabling {
            stack,
            mapping,
            done: true,
        } => vec![format!(
            "{}{stack}: Lambda receives no more messages (event source mapping {mapping})",
            mark(GOOD, "✓")
        )],
        Event::Disabling {
            stack,
            mapping,
            done: false,
        } => vec![format!(
            "  {stack}: Lambda stops receiving messages (event source mapping {mapping} is being disabled)"
        )],
        Event::Starting {
            stack,
            instances_in_service,
            instances_awaited,
            at_most_seconds,
            ..
        } => {
            let (ready, wanted) = (instances_in_service, instances_awaited);
            vec![match ready < wanted {
                true => format!(
                    "  {stack}: {ready} of {wanted} instances in service, waited for {at_most_seconds} s at most"
                ),
                false => format!("{}{stack}: {} in service", mark(GOOD, "✓"), count(*ready, "instance")),
            }]
        }
        Event::Finishing {
            function,
            messages_in_flight,
            finished,
            at_most_seconds,
            ..
        } => match messages_in_flight {
            _ if *finished => vec![format!("{}{function} has finished", mark(GOOD, "✓"))],
            0 => vec![format!(
                "  {function} finishes: no message is counted in flight, which SQS may count a minute late"
            )],
            left => {
                let left = many(*left, "message");
                vec![format!(
                    "  {function} finishes: {left} in flight, waiting up to {at_most_seconds} s"
                )]
            }
        },
        Event::Emptying {
            bucket,
            deleted_objects,
            total_objects,
        } if every => {
            let of = total_objects.map_or(String::new(), |total| format!(" of {}", total.max(*deleted_objects)));
            vec![format!("emptying s3://{bucket}: {deleted_objects}{of} objects deleted")]
        }
        Event::Emptied {
            bucket,
            deleted_objects: 0,
            aborted_uploads: 0,
            ..
        } => vec![format!("{}s3://{bucket} is empty", mark(FAINT, "="))],
        Event::Emptied {
            bucket,
            deleted_objects,
            aborted_uploads,
            seconds: length,
        } => {
            let uploads = match aborted_uploads {
                0 => String::new(),
                some => format!(", {} aborted", many(*some, "unfinished upload")),
            };
            vec![format!(
                "{}emptied s3://{bucket} in {}: {} deleted{uploads}",
                mark(GOOD, "✓"),
                seconds(*length),
                many(*deleted_objects, "object")
            )]
        }
        Event::Warning { message } => vec![format!("{} {message}", paint(CAREFUL, "warning:"))],
        _ => Vec::new(),
    }
}
