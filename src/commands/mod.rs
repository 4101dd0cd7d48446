//! The command line: one file a verb, with its arguments and its `run()`.

mod after_deploy;
mod backfill;
mod check;
mod children;
mod completing;
mod completions;
mod deploy;
mod destroy;
mod dlq;
mod doctor;
mod documents;
mod drift;
mod events;
mod extend;
mod files;
mod fleet_regions;
mod global;
mod graph;
mod iam;
mod init;
mod kill_worker;
mod list;
mod local;
mod local_down;
mod local_up;
mod logs;
mod man;
mod may_end;
mod meant;
mod misspelt;
mod name_option;
mod named;
mod near;
mod numbers;
mod on_this_machine;
mod outputs;
mod placement;
mod plan;
mod reap;
mod recover;
mod render;
mod results;
mod running;
mod schema;
mod send;
mod status;
mod waits;
mod watch;
mod words;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use completing::answer as answer_shell;
pub use documents::documents;
use global::Form;
pub use global::Global;
pub use named::{Meant, Named};

use crate::error::{Error, Result};
use crate::report;
use crate::report::form::{Color, Output};
use crate::report::plain;

/// Deploys queue-fed worker fleets on AWS with CloudFormation, and looks after them.
#[derive(Debug, Parser)]
#[command(
    name = "qfleet",
    version,
    max_term_width = 100,
    after_help = "ENV is the path of an environment file, or the bare name of one in stacks/. --name, or the variable \
                  QFLEET_NAME, is the environment's name: with a file, it replaces the file's `name`; without one, it \
                  finds what is deployed.\n\n\
                  Examples:\n  \
                  qfleet init photos --name photo-lab    files to start from\n  \
                  qfleet check photo-lab                 what can be known without AWS\n  \
                  qfleet deploy photo-lab --local        to an AWS emulator on this machine\n  \
                  qfleet plan photo-lab                  what a deploy would change in AWS\n  \
                  qfleet deploy photo-lab                to AWS\n  \
                  qfleet deploy photo-lab --name bob     the same under another name\n  \
                  qfleet destroy photo-lab\n\n\
                  Exit codes:\n  \
                  0    done; nothing to do is done, too\n  \
                  1    an operation failed\n  \
                  2    bad usage, or a bad environment file; nothing was touched\n  \
                  3    differences or findings, where an option asks for this exit code\n  \
                  4    refused: protected, another account than the file's, not confirmed\n  \
                  5    with --no-wait: not all of it could be begun yet\n  \
                  130  interrupted"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an environment file, a worker program and a pipeline to start from
    Init(init::Init),
    /// Check the file and its templates without asking AWS; with cfn-lint, too, if it is installed
    Check(check::Check),
    /// Check that this machine, these credentials and this account can do what a file needs
    Doctor(doctor::Doctor),
    /// Show what a deploy would change, and change nothing
    Plan(plan::Plan),
    /// Deploy an environment as its file describes it: show what will change, ask, do it
    Deploy(deploy::Deploy),
    /// Show the state of an environment: what is wrong, then stacks, queues and workers
    Status(status::Status),
    /// List all environments of the account: state, age, expiry, instances
    List(list::List),
    /// Show the events of the stacks, past and new ones, whoever caused them
    Events(events::Events),
    /// Show the workers' logs, and with --follow new lines as they come
    Logs(logs::Logs),
    /// Count uploaded and finished files; print a link to one, or download it
    Files(files::Files),
    /// Show what became of jobs, or of one, from the table of results that the workers keep
    Results(results::Results),
    /// Terminate a worker's instance, and show how another one takes its place
    KillWorker(kill_worker::KillWorker),
    /// Find what was changed behind CloudFormation's back, and say whether it matters
    Drift(drift::Drift),
    /// Print the outputs of the stacks: names, URLs, ARNs
    Outputs(outputs::Outputs),
    /// Upload files for the workers, or send messages to a stage's queue
    Send(send::Send),
    /// Send a stage the events of files that were in the bucket before it
    Backfill(backfill::Backfill),
    /// Look at messages that no worker could process, send them back, or delete them
    Dlq(dlq::Dlq),
    /// Take an environment down
    Destroy(destroy::Destroy),
    /// Postpone the expiry of an environment with a lifetime
    Extend(extend::Extend),
    /// Destroy the account's environments that have expired
    Reap(reap::Reap),
    /// Recover stacks that are stuck after a failure: roll back, or continue a rollback that failed
    Recover(recover::Recover),
    /// Write the CloudFormation templates that an environment file describes
    Render(render::Render),
    /// Draw an environment: what its stacks hold, and who may do what with what
    Graph(graph::Graph),
    /// Print the smallest IAM policy of a role that deploys, plans, destroys, …, such as a pipeline's
    Iam(iam::Iam),
    /// Print the JSON Schema of the environment file
    Schema(schema::Schema),
    /// The local AWS emulator, and real workers around it
    Local(local::Local),
    /// Print the completion script of a shell
    Completions(completions::Completions),
    /// Write the manual pages
    #[command(hide = true)]
    Man(man::Pages),
}

/// Which form of output a command line asks for that can't be read as a whole.
fn output_of(words: &[OsString]) -> Output {
    let last = words.iter().enumerate().rev().find_map(|(index, word)| {
        let word = word.to_str()?;
        match word.strip_prefix("--output=") {
            Some(form) => Some(form),
            None if index > 0 && words[index - 1] == "--output" => Some(word),
            None => None,
        }
    });
    match last {
        Some("json") => Output::Json,
        Some("jsonl") => Output::Jsonl,
        _ => Output::Text,
    }
}

impl Cli {
    /// From the command line of this process, which ends with a message and exit code 2 when it is wrong. What it says of
    /// colours holds for the help and that message, too.
    pub fn from_command_line() -> Self {
        let words: Vec<_> = std::env::args_os().collect();
        let is = |word: &str| words.iter().any(|one| one == word);
        let colored = |when: &str| {
            is(&format!("--color={when}")) || words.windows(2).any(|two| two[0] == "--color" && two[1] == when)
        };
        looks(
            is("--plain"),
            match () {
                () if colored("never") => Color::Never,
                () if colored("always") => Color::Always,
                () => Color::Auto,
            },
        );
        match Cli::from_words(&words) {
            Ok(cli) => {
                looks(cli.global.plain, cli.global.color);
                cli.settled()
            }
            Err(error) => {
                let error = misspelt::explained(name_option::explained(error));
                if error.use_stderr() {
                    report::bad_usage(&error.render().to_string(), error.exit_code(), output_of(&words));
                }
                error.exit()
            }
        }
    }

    fn from_words(words: &[OsString]) -> std::result::Result<Self, clap::Error> {
        let mut command = Cli::command().mut_subcommand("extend", extend::explained);
        let found = command.try_get_matches_from_mut(words)?;
        Cli::from_arg_matches(&found).map_err(|error| error.format(&mut command))
    }

    /// As the commands read it.
    fn settled(mut self) -> Self {
        self.global.output = self.global.form.into();
        self.global.starts_emulator = matches!(self.command, Command::Deploy(_) | Command::Plan(_) | Command::Local(_));
        self
    }

    pub fn run(self) -> Result<()> {
        report::calls::begin(self.global.verbose, self.global.log_file.as_deref(), name)?;
        if self.global.form == Form::Markdown && !matches!(self.command, Command::Drift(_) | Command::Plan(_)) {
            return Err(Error::usage("this command has no --output markdown")
                .with_help("`plan` and `drift` have it; every command has --output text, json and jsonl"));
        }
        let is_elsewhere = self.global.local || self.global.endpoint_url.is_some();
        let done = self.done();
        match is_elsewhere {
            true => done,
            false => done.map_err(on_this_machine::or_on_this_machine),
        }
    }

    fn done(self) -> Result<()> {
        match self.command {
            Command::Init(command) => command.run(&self.global),
            Command::Check(command) => command.run(&self.global),
            Command::Doctor(command) => command.run(&self.global),
            Command::Plan(command) => command.run(&self.global),
            Command::Deploy(command) => command.run(&self.global),
            Command::Status(command) => command.run(&self.global),
            Command::List(command) => command.run(&self.global),
            Command::Events(command) => command.run(&self.global),
            Command::Logs(command) => command.run(&self.global),
            Command::Files(command) => command.run(&self.global),
            Command::Results(command) => command.run(&self.global),
            Command::KillWorker(command) => command.run(&self.global),
            Command::Drift(command) => command.run(&self.global),
            Command::Outputs(command) => command.run(&self.global),
            Command::Send(command) => command.run(&self.global),
            Command::Backfill(command) => command.run(&self.global),
            Command::Dlq(command) => command.run(&self.global),
            Command::Destroy(command) => command.run(&self.global),
            Command::Extend(command) => command.run(&self.global),
            Command::Reap(command) => command.run(&self.global),
            Command::Recover(command) => command.run(&self.global),
            Command::Render(command) => command.run(&self.global),
            Command::Graph(command) => command.run(&self.global),
            Command::Iam(command) => command.run(&self.global),
            Command::Schema(command) => command.run(),
            Command::Local(command) => command.run(&self.global),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
        }
    }
}

/// How everything looks from now on.
fn looks(plain: bool, color: Color) {
    if plain || plain::is_wanted() {
        plain::set();
        Color::Never.apply();
    } else {
        color.apply();
    }
}

/// Which command this is, without its arguments: messages and values of secrets may be among them.
fn name() -> String {
    let mut known = Cli::command();
    let mut names: Vec<String> = Vec::new();
    for word in std::env::args_os().skip(1) {
        if let Some(command) = known.find_subcommand(&word).cloned() {
            names.push(word.to_string_lossy().into_owned());
            known = command;
        }
    }
    names.join(" ")
}
