//! Whether a plan may be carried out.

use super::existing_bucket::BucketPlan;
use super::loss::{self, Losing};
use super::refusal::Allowed;
use super::{Plan, StackAction, StackPlan, imports, pruned_data};
use crate::blueprint::Blueprint;
use crate::cloud::cloudformation::stack_status::StackStatus;
use crate::error::{Reason, Refusal};

impl StackPlan {
    pub(in crate::engine) fn losing(&self) -> Losing<'_> {
        Losing {
            part: &self.part,
            stack: &self.stack,
            own_template: self.own_template,
        }
    }

    /// Its status, where that may be why something is or isn't done with it: one in which any change could be made is
    /// never the reason.
    pub fn telling_status(&self) -> Option<&StackStatus> {
        let status = self.status.as_ref()?;
        let is_beside = imports::is_possible(status) || *status == StackStatus::ReviewInProgress;
        (!is_beside).then_some(status)
    }

    /// That nothing can be done with it.
    fn refusal(&self) -> Option<Refusal> {
        let status = self.telling_status();
        let status = status.map_or(String::new(), |status| format!(" is {status}"));
        let blocking = self.blocking.iter();
        let stuck_on: String = blocking.map(|resource| format!("\n  {resource}")).collect();
        let note = self.note.as_deref().unwrap_or_default();
        let what = format!("{}{status}: {note}{stuck_on}", self.stack);
        (self.action == StackAction::Refused).then(|| Refusal::new(what).because(Reason::Stuck))
    }
}

impl Plan {
    /// Why it can't be carried out: what holds data would be replaced or deleted and isn't allowed to be, nothing can be
    /// done with a stack, something is in the way in a bucket that is there already, or what is pruned holds data.
    pub fn refusals(&self, blueprint: &Blueprint, allowed: &[String]) -> Vec<Refusal> {
        let allowed = Allowed {
            names: allowed,
            stacks: &blueprint.stacks,
            planned: &self.stacks,
        };
        let of_stacks = self.stacks.iter().flat_map(|stack| {
            let lost = loss::data_loss(stack.losing(), &stack.changes, &allowed);
            stack.refusal().into_iter().chain(lost)
        });
        let of_buckets = self.existing_buckets.iter().filter_map(BucketPlan::refusal);
        let of_pruned = pruned_data::refusals_of(self, allowed.names);
        of_stacks
            .chain(of_buckets.map(Refusal::from))
            .chain(of_pruned)
            .collect()
    }
}
