//! `qfleet iam ENV [--for PURPOSE]`

use std::collections::BTreeSet;

use clap::Args;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::global::Env;
use super::numbers::whole;
use super::{Global, placement, words};
use crate::blueprint::{self, Placement};
use crate::error::{Error, Result};
use crate::permissions::{self, Purpose, Statement, Wanted};
use crate::report;

/// Arguments of `iam`.
#[derive(Debug, Args)]
#[command(after_help = "\
It allows what qfleet calls, and what CloudFormation calls in the caller's name. With --role-arn it allows handing \
over that role instead of the latter; --for cloudformation prints the role's own policy. Names of resources begin \
with the environment's name; what has no name is known by its tag.

Examples:
  qfleet iam lab                            the policy of a pipeline that deploys stacks/lab.yaml
  qfleet iam lab --for plan                 of one that only plans: for pull requests
  qfleet iam lab --for deploy --for destroy of one that does both
  qfleet iam lab --names 'pr-*'             for environments of pull requests, by `qfleet deploy lab --name pr-…`
  qfleet iam lab --for reap --names 'pr-*'  of a nightly `qfleet reap` of these
  qfleet iam lab --for plan | aws iam put-role-policy --role-name planner --policy-name qfleet \\
      --policy-document file:///dev/stdin

Makes no calls to AWS and needs no credentials. Where the account isn't known, the policy is good in any.")]
pub struct Iam {
    #[command(flatten)]
    env: Env,
    /// What the policy is for: a command; may be given several times
    #[arg(long = "for", value_name = "PURPOSE", default_value = "deploy")]
    purposes: Vec<Purpose>,
    /// The role that CloudFormation works with, as for `deploy --role-arn`
    #[arg(long, value_name = "ARN", value_parser = words::role_arn)]
    role_arn: Option<String>,
    /// For environments with such names, as in 'pr-*', instead of the file's
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    names: Option<String>,
    /// Account, when the file names none
    #[arg(long, value_name = "ID", value_parser = placement::account_id)]
    account: Option<String>,
    /// For inline policies of a role: they may be 10,240 characters long together, managed policies 6,144 each
    #[arg(long)]
    inline: bool,
    /// Print only this one of several documents
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1..=1000, 2))]
    document: Option<u16>,
}

/// What the rights of `reap` reach that only a name tells apart: S3 knows no tags of a bucket when an object is deleted
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>).
fn of_any_name(statements: &[Statement]) -> String {
    let deletes = |statement: &&Statement| statement.actions.contains("s3:DeleteObject");
    let objects = statements
        .iter()
        .filter(deletes)
        .flat_map(|statement| &statement.resources);
    let buckets = objects.filter_map(|arn| arn.split(":::").nth(1)?.strip_suffix("/*"));
    let buckets: BTreeSet<&str> = buckets.collect();
    let is_within = |one: &str, other: &str| one != other && one.ends_with(other.trim_start_matches('*'));
    let widest = buckets
        .iter()
        .filter(|one| !buckets.iter().any(|other| is_within(one, other)));
    let widest: Vec<&str> = widest.copied().collect();
    let reach = match widest.is_empty() {
        true => String::new(),
        false => format!(
            ", and may delete the objects of every bucket that is called {}, whoever made it",
            widest.join(" or ")
        ),
    };
    format!(
        "note: without --names this is for environments of any name{reach}; --names 'pr-*' narrows it to those that are called so"
    )
}

/// Names of environments, with `*` for what differs.
fn pattern(text: &str) -> std::result::Result<String, String> {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'*';
    match !text.is_empty() && text.bytes().all(is_known) {
        true => Ok(text.to_owned()),
        false => Err("it must be lower-case letters, digits and hyphens, with * for what differs".to_owned()),
    }
}

impl ValueEnum for Purpose {
    fn value_variants<'a>() -> &'a [Self] {
        &Purpose::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Purpose::Prune => "Beside deploy or plan: --prune",
            Purpose::Revert => "drift --revert",
            Purpose::CloudFormation => "The role of --role-arn, which CloudFormation takes on",
            Purpose::Reap => "For environments of any name",
            _ => "",
        };
        Some(match help {
            "" => PossibleValue::new(self.name()),
            help => PossibleValue::new(self.name()).help(help),
        })
    }
}

impl Iam {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load_and_build(global)?;
        let offline = placement::offline(&environment, global, self.account)?;
        if offline.is_anywhere && self.purposes.iter().any(|purpose| *purpose != Purpose::Reap) {
            return Err(Error::usage(
                "no region is known, and rights are for one region: a policy for another one is good for nothing",
            )
            .with_help("give --region, set AWS_REGION, or write `region` into the environment file"));
        }
        let blueprint = blueprint::render(&environment, &offline.placement)?;
        let wanted = Wanted {
            environment: &environment,
            placement: &offline.placement,
            blueprint: &blueprint,
            purposes: &self.purposes,
            role_arn: self.role_arn.as_deref(),
            names: self.names.as_deref(),
        };
        let statements = permissions::needed(&wanted);
        let longest = if self.inline {
            permissions::INLINE
        } else {
            permissions::MANAGED
        };
        let mut documents = permissions::documents(&statements, longest);
        let count = documents.len();
        if let Some(number) = self.document {
            if usize::from(number) > count {
                return Err(
                    Error::usage(format!("there is no document {number}: there are {count} in all"))
                        .with_help(format!("leave --document out, or give a number from 1 to {count}")),
                );
            }
            documents = documents.drain(usize::from(number) - 1..usize::from(number)).collect();
        }
        if offline.placement.account == Placement::NO_ACCOUNT {
            report::note(
                "note: no account is known: the policy is good in any; give --account, or `account` in the file",
            );
        }
        let notes: Vec<String> = offline
            .notes
            .iter()
            .filter(|note| !note.starts_with("no account"))
            .cloned()
            .collect();
        report::render::notes(&notes);
        if self.names.is_none() && self.purposes.contains(&Purpose::Reap) {
            report::note(&of_any_name(&statements));
        }
        let unknown = permissions::unknown_types(&wanted);
        report::iam::print(global.output, &documents, count, self.inline, &unknown);
        Ok(())
    }
}
