//! Operations that end others: an update cancelled, a failed one rolled back, a failed rollback gone on with.

use super::query::{Input, Refusal};
use super::world::World;
use super::xml::Fields;

type Answer = Result<Fields, Refusal>;

impl World {
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html>: "You can cancel only
    /// stacks that are in the UPDATE_IN_PROGRESS state."
    pub fn cancel_update_stack(&mut self, input: &Input) -> Answer {
        let Some((stack, token)) = self.recoverable(input, "CancelUpdateStack")? else {
            return Ok(Fields::new());
        };
        if self.stacks[stack].status != "UPDATE_IN_PROGRESS" {
            return Err(Refusal::validation(
                "CancelUpdateStack cannot be called from current stack status",
            ));
        }
        self.start_update_rollback(stack, "ROLLBACK", "User Initiated".into(), token, &[]);
        Ok(Fields::new())
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html>: "from CREATE_FAILED or
    /// UPDATE_FAILED stack statuses. This operation will delete a stack if it doesn't contain a last known stable state."
    pub fn rollback_stack(&mut self, input: &Input) -> Answer {
        let Some((stack, token)) = self.recoverable(input, "RollbackStack")? else {
            return Ok(Fields::new());
        };
        let it = &self.stacks[stack];
        if !matches!(it.status.as_str(), "CREATE_FAILED" | "UPDATE_FAILED") {
            return Err(Refusal::validation(format!(
                "Stack [{}] is in [{}] state and can not be rolled back.",
                it.name, it.status
            )));
        }
        if it.was_complete {
            if it.suspended.is_none() {
                self.suspend_existing(stack);
            }
            self.start_update_rollback(stack, "ROLLBACK", "User Initiated".into(), token, &[]);
        } else {
            self.start_delete(stack, token, Vec::new(), false);
        }
        let it = &self.stacks[stack];
        let operation = it.operation.as_ref().map(|operation| operation.id.clone());
        Ok(Fields::new().text("StackId", &it.id).maybe("OperationId", operation))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html>
    pub fn continue_update_rollback(&mut self, input: &Input) -> Answer {
        let Some((stack, token)) = self.recoverable(input, "ContinueUpdateRollback")? else {
            return Ok(Fields::new());
        };
        let it = &self.stacks[stack];
        if it.status != "UPDATE_ROLLBACK_FAILED" {
            return Err(Refusal::validation(format!(
                "Stack {} is in {} state. Continuing the rollback is possible only from UPDATE_ROLLBACK_FAILED.",
                it.id, it.status
            )));
        }
        let mut skip = input.texts("ResourcesToSkip");
        // "ForceRollback and ResourcesToSkip are mutually exclusive." It skips "resources currently in the UPDATE_FAILED
        // state".
        if input.text("ForceRollback") == Some("true") {
            if !skip.is_empty() {
                return Err(Refusal::validation(
                    "ForceRollback and ResourcesToSkip can't be specified together",
                ));
            }
            let failed = it
                .resources
                .iter()
                .filter(|resource| resource.status == "UPDATE_FAILED");
            skip = failed.map(|resource| resource.id.clone()).collect();
        }
        // "You can specify only resources that are in the UPDATE_FAILED state because a rollback failed."
        let other = skip.iter().find(|id| {
            it.resource(id)
                .is_none_or(|resource| resource.status != "UPDATE_FAILED")
        });
        if let Some(other) = other {
            return Err(Refusal::validation(format!(
                "ResourcesToSkip: [{other}] does not exist in the stack or is not in the UPDATE_FAILED state"
            )));
        }
        if it.suspended.is_none() {
            self.suspend_existing(stack);
        }
        self.start_update_rollback(stack, "CONTINUE_ROLLBACK", "User Initiated".into(), token, &skip);
        Ok(Fields::new())
    }

    /// The stack and the token; nothing when the same request was made before.
    fn recoverable(&mut self, input: &Input, action: &str) -> Result<Option<(usize, Option<String>)>, Refusal> {
        let stack = self.there(input)?;
        let token = input.text("ClientRequestToken").map(str::to_owned);
        if self.is_repeated(stack, token.as_deref(), action)? {
            return Ok(None);
        }
        let tokens = token.clone().map(|token| (token, action.to_owned()));
        self.stacks[stack].tokens.extend(tokens);
        // As after any other operation: the next reads may come too early (see `stale.rs`).
        self.remember_stale(stack);
        Ok(Some((stack, token)))
    }
}
