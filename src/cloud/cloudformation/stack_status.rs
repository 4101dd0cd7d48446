//! The status of a stack or a resource, as CloudFormation names it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

macro_rules! statuses {
    ($($variant:ident = $word:literal),+ $(,)?) => {
        /// The status of a stack
        /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum StackStatus {
            $(#[doc = $word] $variant,)+
            /// A status that this version of qfleet doesn't know.
            Unknown(String),
        }

        impl StackStatus {
            /// Every status that is known.
            pub const ALL: &[StackStatus] = &[$(StackStatus::$variant),+];

            /// CloudFormation's word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(StackStatus::$variant => $word,)+
                    StackStatus::Unknown(word) => word,
                }
            }
        }

        impl From<&str> for StackStatus {
            fn from(word: &str) -> Self {
                match word {
                    $($word => StackStatus::$variant,)+
                    other => StackStatus::Unknown(other.to_owned()),
                }
            }
        }
    };
}

statuses! {
    ReviewInProgress = "REVIEW_IN_PROGRESS",
    CreateInProgress = "CREATE_IN_PROGRESS",
    CreateComplete = "CREATE_COMPLETE",
    CreateFailed = "CREATE_FAILED",
    RollbackInProgress = "ROLLBACK_IN_PROGRESS",
    RollbackComplete = "ROLLBACK_COMPLETE",
    RollbackFailed = "ROLLBACK_FAILED",
    UpdateInProgress = "UPDATE_IN_PROGRESS",
    UpdateCompleteCleanupInProgress = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateComplete = "UPDATE_COMPLETE",
    UpdateFailed = "UPDATE_FAILED",
    UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS",
    UpdateRollbackCompleteCleanupInProgress = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE",
    UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED",
    DeleteInProgress = "DELETE_IN_PROGRESS",
    DeleteComplete = "DELETE_COMPLETE",
    DeleteFailed = "DELETE_FAILED",
    ImportInProgress = "IMPORT_IN_PROGRESS",
    ImportComplete = "IMPORT_COMPLETE",
    ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS",
    ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE",
    ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED",
}

impl StackStatus {
    /// An operation is running. REVIEW_IN_PROGRESS is not one: it waits for a change set, for ever if need be.
    pub fn is_in_progress(&self) -> bool {
        *self != StackStatus::ReviewInProgress && self.as_str().ends_with("_IN_PROGRESS")
    }

    /// The last operation ended as it was meant to.
    pub fn is_well(&self) -> bool {
        matches!(
            self,
            StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete
        )
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Recorded event streams are fixtures of tests.
#[cfg(test)]
impl<'de> serde::Deserialize<'de> for StackStatus {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| StackStatus::from(word.as_str()))
    }
}

impl JsonSchema for StackStatus {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StackStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "CloudFormation's status of the stack, e.g. `UPDATE_COMPLETE`." })
    }
}

impl Serialize for StackStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
