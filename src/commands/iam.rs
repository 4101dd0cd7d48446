//! `qfleet iam ENV [--for PURPOSE]`

use clap::Args;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::global::Env;
use super::{Global, placement};
use crate::blueprint::{self, Placement};
use crate::error::{Error, Result};
use crate::permissions::{self, Purpose, Wanted};
use crate::report;

/// Arguments of `iam`.
#[derive(Debug, Args)]
#[command(after_help = "\
It holds what qfleet calls, and what CloudFormation calls in the caller's name; with --role-arn instead of the latter \
the right to hand that role to CloudFormation, whose own policy --for cloudformation prints. Names of resources begin \
with the environment's name; what has no name is known by its tag.

Examples:
  qfleet iam lab                            the policy of a pipeline that deploys stacks/lab.yaml
  qfleet iam lab --for plan                 of one that only plans: for pull requests
  qfleet iam lab --for deploy --for destroy of one that does both
  qfleet iam lab --names 'pr-*'             for environments of pull requests, by `qfleet deploy lab --name pr-…`
  qfleet iam lab --for reap                 of a nightly `qfleet reap`, for environments of any name
  qfleet iam lab --for plan | aws iam put-role-policy --role-name planner --policy-name qfleet \\
      --policy-document file:///dev/stdin

Asks AWS nothing and needs no credentials. Where the account isn't known, the policy is good in any.")]
pub struct Iam {
    #[command(flatten)]
    env: Env,
    /// What the policy is for: a command; may be given several times
    #[arg(long = "for", value_name = "PURPOSE", default_value = "deploy")]
    purposes: Vec<Purpose>,
    /// The role that CloudFormation works with, as for `deploy --role-arn`
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// For environments that are called so, as 'pr-*', instead of the one of the file's name
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    names: Option<String>,
    /// Account, when the file names none
    #[arg(long, value_name = "ID", value_parser = placement::account_id)]
    account: Option<String>,
    /// For inline policies of a role: they may be 10,240 characters long together, managed policies 6,144 each
    #[arg(long)]
    inline: bool,
    /// Print only this one of several documents
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    document: Option<u16>,
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
        let unknown = permissions::unknown_types(&wanted);
        report::iam::print(global.output, &documents, count, self.inline, &unknown);
        Ok(())
    }
}
