//! What is written into the plan of a stack, piece by piece.

use std::collections::BTreeMap;

use super::attention::Attention;
use super::imports::Existing;
use super::planner::Options;
use super::valued::Valued;
use super::{StackAction, StackPlan, attention, comparison, imports, order_of_changes, values};
use crate::blueprint::{self, Stack};
use crate::cloud::cloudformation::change_set::{Action, Change, Replacement};
use crate::cloud::cloudformation::stacks::StackDescription;
use crate::deployed::protection;

const BUSY: &str = "an operation is running on it; ask again when it has ended";

/// A stack as it is and as it would be, with what is known of its parameters.
pub(super) struct Compared<'a> {
    found: &'a StackDescription,
    before: Valued,
    after: Valued,
}

impl<'a> Compared<'a> {
    pub(super) fn new(
        stack: &Stack,
        (found, template): (&'a StackDescription, &str),
        parameters: &BTreeMap<String, String>,
        resolved: &BTreeMap<String, String>,
    ) -> Compared<'a> {
        Compared {
            found,
            before: Valued::deployed(found, template),
            after: Valued::planned(stack, found, parameters, resolved),
        }
    }
}

impl StackPlan {
    pub(super) fn wait(&mut self) {
        self.note = Some(BUSY.into());
        self.action = StackAction::Busy;
    }

    pub(super) fn warn(&mut self, of: String) {
        let warnings: Vec<String> = self.warning.take().into_iter().chain([of]).collect();
        self.warning = Some(warnings.join("; "));
    }

    pub(super) fn refuse(&mut self, why: impl Into<String>) {
        self.note = Some(why.into());
        self.action = StackAction::Refused;
    }

    /// Every resource of the template, as an addition, or taken in where it is there already: where CloudFormation can't be
    /// asked.
    pub(super) fn show_template(&mut self, body: &str, existing: Vec<Existing>) {
        let add = |(logical_id, resource_type)| Change {
            action: Action::Add,
            logical_id,
            resource_type,
            physical_id: None,
            replacement: Replacement::No,
            disposal: None,
            properties: Vec::new(),
        };
        self.changes = blueprint::resources(body).into_iter().map(add).collect();
        imports::mark(&mut self.changes, &existing);
        self.existing = existing;
    }

    /// What the two templates tell: where CloudFormation can't be asked.
    pub(super) fn show_difference(&mut self, stack: &Stack, compared: &Compared<'_>, existing: Vec<Existing>) {
        let Compared { found, before, after } = compared;
        // What macros make of a template isn't in it.
        let changes = match stack.expands {
            true => comparison::changes_before_macros(before, after),
            false => {
                self.changed_parameters = before.changed_parameters(after);
                comparison::changes(before, after)
            }
        };
        self.changes = order_of_changes::as_in_template(changes, &stack.body);
        self.changed_tags = values::tags(found, stack);
        imports::mark(&mut self.changes, &existing);
        self.existing = existing;
    }

    /// Says what is to be looked at of a stack that is there; `compared` where anything in it changes.
    pub(super) fn point_out(&mut self, stack: &Stack, found: &StackDescription, compared: Option<&Compared<'_>>) {
        if self.termination_protection == Some(false) || (protection::is_tagged(found) && !stack.protect) {
            self.attention.push(Attention::ProtectionOff);
        }
        // What macros make of a template isn't in it.
        if let Some(compared) = compared.filter(|_| !stack.expands) {
            self.attention
                .extend(attention::raised(&compared.before, &compared.after));
        }
    }

    /// What becomes of tags, parameters and properties, as far as CloudFormation doesn't say it itself.
    pub(super) fn tell_values(&mut self, stack: &Stack, compared: &Compared<'_>) {
        let Compared { found, before, after } = compared;
        self.changed_tags = values::tags(found, stack);
        // What macros make of a template isn't in it.
        if !stack.expands {
            // While CloudFormation was asked, the fleet and an image may have become others.
            let parameters = self.parameters.clone().unwrap_or_default();
            let after = after.given(found, parameters, &self.resolved);
            self.changed_parameters = before.changed_parameters(&after);
            before.fill_in(&after, &mut self.changes);
        }
    }

    /// What goes because its condition isn't met any more: change sets of the emulator don't say it, and it goes all the same.
    pub(super) fn tell_removed(&mut self, stack: &Stack, compared: &Compared<'_>) {
        if stack.expands {
            return;
        }
        let is_told = |change: &Change| self.changes.iter().any(|known| known.logical_id == change.logical_id);
        let removed = comparison::removed(&compared.before, &compared.after).into_iter();
        let untold: Vec<Change> = removed.filter(|change| !is_told(change)).collect();
        self.changes.extend(untold);
    }

    pub(super) fn change_protection(&mut self, options: &Options, stack: &Stack, found: Option<&StackDescription>) {
        match found.filter(|found| found.protected == Some(true)) {
            None if stack.protect => self.termination_protection = Some(true),
            Some(found) if !stack.protect => {
                if options.disable_protection || protection::is_tagged(found) {
                    self.termination_protection = Some(false);
                } else {
                    self.protected_by_hand = true;
                }
            }
            _ => {}
        }
    }
}
