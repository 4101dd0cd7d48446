//! Stacks made and updated without a change set. qfleet never does; its peers in the benchmark do.

use std::collections::{BTreeMap, BTreeSet};

use super::change_sets::{UPDATABLE, check_name};
use super::operation::OnFailure;
use super::query::{Input, Refusal};
use super::state::Definition;
use super::world::World;
use super::xml::Fields;

type Answer = Result<Fields, Refusal>;

impl World {
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
    pub fn create_stack(&mut self, input: &Input) -> Answer {
        let name = input.required("StackName")?;
        check_name(name)?;
        let token = input.text("ClientRequestToken").map(str::to_owned);
        // One that has only change sets is made, and these have no use any more
        // (localstack/localstack tests/aws/services/cloudformation/api/test_changesets.snapshot.json,
        // test_create_while_in_review).
        let review = self
            .find(name)
            .filter(|stack| self.stacks[*stack].status == "REVIEW_IN_PROGRESS");
        if let Some(known) = self.find(name).filter(|_| review.is_none()) {
            return if self.is_repeated(known, token.as_deref(), "CreateStack")? {
                Ok(stack_id(&self.stacks[known].id))
            } else {
                // "AlreadyExistsException: The resource with the name requested already exists."
                Err(Refusal::new(
                    400,
                    "AlreadyExistsException",
                    format!("Stack [{name}] already exists"),
                ))
            };
        }
        let on_failure = match (input.text("OnFailure"), input.flag("DisableRollback")) {
            // "You can specify either OnFailure or DisableRollback, but not both."
            (Some(_), Some(_)) => {
                return Err(Refusal::validation(
                    "You can specify either OnFailure or DisableRollback, but not both.",
                ));
            }
            (Some("DELETE"), None) => OnFailure::Delete,
            (Some("DO_NOTHING"), None) | (None, Some(true)) => OnFailure::Nothing,
            _ => OnFailure::Rollback,
        };
        let wanted = self.definition(input, &Definition::default())?;
        let stack = review.unwrap_or_else(|| self.add_stack(name));
        let it = &mut self.stacks[stack];
        it.change_sets
            .iter_mut()
            .for_each(|known| known.execution_status = "OBSOLETE");
        it.protected = input.flag("EnableTerminationProtection") == Some(true);
        it.disable_rollback = on_failure == OnFailure::Nothing;
        it.tokens
            .extend(token.clone().map(|token| (token, "CreateStack".to_owned())));
        self.start_create(stack, wanted, token, on_failure, BTreeMap::new());
        Ok(stack_id(&self.stacks[stack].id))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html>
    pub fn update_stack(&mut self, input: &Input) -> Answer {
        let stack = self.there(input)?;
        let token = input.text("ClientRequestToken").map(str::to_owned);
        if self.is_repeated(stack, token.as_deref(), "UpdateStack")? {
            return Ok(stack_id(&self.stacks[stack].id));
        }
        let it = &self.stacks[stack];
        if !UPDATABLE.contains(&it.status.as_str()) {
            return Err(Refusal::validation(format!(
                "Stack:{} is in {} state and can not be updated.",
                it.id, it.status
            )));
        }
        let current = it.definition.clone();
        let wanted = self.definition(input, &current)?;
        if self.changes_nothing(stack, &wanted) {
            return Err(Refusal::validation("No updates are to be performed."));
        }
        let on_failure = match input.flag("DisableRollback") {
            Some(true) => OnFailure::Nothing,
            _ => OnFailure::Rollback,
        };
        let it = &mut self.stacks[stack];
        it.disable_rollback = on_failure == OnFailure::Nothing;
        it.tokens
            .extend(token.clone().map(|token| (token, "UpdateStack".to_owned())));
        self.remember_stale(stack);
        self.start_update(stack, wanted, token, on_failure, BTreeSet::new(), BTreeMap::new());
        Ok(stack_id(&self.stacks[stack].id))
    }
}

fn stack_id(id: &str) -> Fields {
    Fields::new().text("StackId", id)
}
