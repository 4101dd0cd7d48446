//! Reads that come too early: a share of them shows CloudFormation's stacks, their events, resources and change sets as
//! they were a while ago, when some weren't there yet. AWS doesn't document that of CloudFormation; its own waiter
//! `StackExists` asks again when a stack isn't known (botocore, data/cloudformation/2010-05-15/waiters-2.json).

use std::time::Duration;

use tokio::time::Instant;

use super::query::Input;
use super::script::Script;
use super::state::Stack;
use super::world::World;

/// How many of a hundred reads are stale, and how old they may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub of_a_hundred: u64,
    pub oldest: Duration,
    /// Only those of this action.
    pub only: Option<&'static str>,
}

/// Stacks as they were.
#[derive(Debug, Default, Clone)]
pub struct Past {
    snapshots: Vec<(Instant, Vec<Stack>)>,
    draws: u64,
}

impl Script {
    /// After an operation was started, so many reads of the stack and its events still show it as it was before.
    pub fn stale_reads(mut self, reads: u32) -> Self {
        self.stale_reads = reads;
        self
    }

    /// So many of a hundred reads show stacks as they were, at most so long ago: also when they weren't there yet.
    pub fn stale_share(mut self, of_a_hundred: u64, oldest: Duration) -> Self {
        self.stale_share = Some(Share {
            of_a_hundred,
            oldest,
            only: None,
        });
        self
    }

    /// The same of all reads of one action, and of no others.
    pub fn stale_reads_of(mut self, action: &'static str, oldest: Duration) -> Self {
        self.stale_share = Some(Share {
            of_a_hundred: 100,
            oldest,
            only: Some(action),
        });
        self
    }

    /// Reads of this stack's template still give this one: they come too early, as those of `stale.rs`. That
    /// What macros made this stack's template from: `Original` of `TemplateStage`, which is `Processed` unless it is said
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html>).
    pub fn expanded_from(mut self, stack: &str, original: &str) -> Self {
        self.originals.insert(stack.to_owned(), original.to_owned());
        self
    }

    /// this read does, too, is our assumption: nothing says that it is consistent.
    pub fn early_template(mut self, stack: &str, body: &str) -> Self {
        self.early_templates.insert(stack.to_owned(), body.to_owned());
        self
    }
}

const READS: [&str; 7] = [
    "DescribeChangeSet",
    "DescribeStackEvents",
    "DescribeStackResources",
    "DescribeStacks",
    "GetTemplate",
    "ListChangeSets",
    "ListStackResources",
];

impl World {
    /// After something happened.
    pub fn remember(&mut self) {
        let Some(share) = self.script.stale_share else { return };
        let past = &mut self.past.snapshots;
        past.push((self.now, self.stacks.clone()));
        let is_too_old = |later: &(Instant, Vec<Stack>)| later.0 + share.oldest < self.now;
        while past.get(1).is_some_and(is_too_old) {
            past.remove(0);
        }
    }

    /// Before a read: when it's a stale one, stacks become what they were. Gives the present, to be put back.
    pub fn go_back(&mut self, action: &str, input: &Input) -> Option<Vec<Stack>> {
        let share = self.script.stale_share?;
        let may_be = share.only.is_none_or(|only| only == action);
        // Pages go on where the first one was read.
        if !may_be
            || !READS.contains(&action)
            || input.text("NextToken").is_some()
            || self.draw() % 100 >= share.of_a_hundred
        {
            return None;
        }
        let most = u64::try_from(share.oldest.as_millis()).expect("not for ever");
        let ago = Duration::from_millis(self.draw() % most + 1);
        let was = |at: Instant| at + ago <= self.now;
        let past = self.past.snapshots.iter().rev().find(|(at, _)| was(*at));
        let stacks = past.or(self.past.snapshots.first())?.1.clone();
        Some(std::mem::replace(&mut self.stacks, stacks))
    }

    /// The next number of a series that is the same each time (SplitMix64).
    fn draw(&mut self) -> u64 {
        self.past.draws = self.past.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.past.draws;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Another series.
    pub fn seed(&mut self, seed: u64) {
        self.past.draws = seed;
    }
}
