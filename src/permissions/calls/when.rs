//! When a call is made at all.

use crate::environment::OnDestroy;
use crate::permissions::{Asked, handlers};

/// What an environment must have for an action to be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Always,
    /// A resource of this type.
    Has(&'static str),
    /// A bucket of any kind that files are in.
    Bucket,
    /// A bucket that was there before.
    Existing,
    /// A bucket of files that a destroy empties.
    Empties,
    /// Programs, and so a bucket for them.
    Programs,
    Lifetime,
    /// Files are copied to another bucket.
    Replicates,
    /// A stage that replies to its jobs.
    Replies,
    /// A stage that describes a function, at work or not.
    Functions,
    /// A stage whose work a function takes over from instances.
    Switches,
    /// Workers that read secrets from SSM's parameter store.
    Parameters,
    /// Workers that read secrets from Secrets Manager.
    Secrets,
    /// Instances whose subnets or zones are chosen for them, or looked at.
    Places,
}

impl When {
    pub fn is_so(self, asked: &Asked) -> bool {
        let environment = asked.environment;
        let bucket = environment.bucket.as_ref();
        match self {
            When::Always => true,
            When::Has(of_type) => handlers::has(asked, of_type),
            When::Bucket => bucket.is_some(),
            When::Existing => bucket.is_some_and(|bucket| bucket.existing.is_some()),
            When::Empties => {
                let is_made = bucket.is_some_and(|bucket| bucket.existing.is_none());
                is_made && environment.on_destroy() == OnDestroy::Empty
            }
            When::Programs => environment.has_programs(),
            When::Lifetime => environment.lifetime.is_some(),
            When::Replicates => bucket.is_some_and(|bucket| bucket.replicate_to.is_some()),
            When::Replies => environment.stages.iter().any(|stage| stage.replies),
            When::Functions => environment.stages.iter().any(|stage| stage.workers.lambda.is_some()),
            When::Switches => asked.blueprint.stacks.iter().any(|stack| stack.before_switch.is_some()),
            When::Parameters => secrets(asked).any(|place| place.starts_with('/')),
            When::Secrets => secrets(asked).any(|place| !place.starts_with('/')),
            When::Places => environment.instances().next().is_some(),
        }
    }
}

/// Where the secrets of all workers are kept.
fn secrets<'a>(asked: &'a Asked) -> impl Iterator<Item = &'a String> {
    asked.blueprint.stacks.iter().flat_map(|stack| &stack.secrets)
}
