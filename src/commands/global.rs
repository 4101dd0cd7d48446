//! Options that every command takes, and how an environment is found.

use std::path::{Path, PathBuf};
use std::sync::Once;

use clap::builder::PossibleValue;
use clap::{ArgAction, Args, ValueEnum};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use url::Url;

use super::fleet_regions;
use super::meant::Meant;
use super::name_option::NameOption;
use super::near;
use super::words;
use crate::blueprint::{self, Placement};
use crate::cloud::{AwsCli, Cloud, Connect, Credentials, RegionFrom, Unidentified};
use crate::engine::plan::drafts::Drafts;
use crate::environment::known_regions::{is_known, meant};
use crate::environment::{self, Environment};
use crate::error::{Error, Result};
use crate::jobs::destinations::Destinations;
use crate::local::{self, fleet};
use crate::report;
use crate::report::form::{Color, Output};
use crate::report::progress::Face;
use crate::shell;

/// What `--output` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One JSON object a line, as things happen
    Jsonl,
    /// For a ticket or a pull request; not every command has it
    Markdown,
}

impl From<Form> for Output {
    /// Markdown is for people, too.
    fn from(form: Form) -> Self {
        match form {
            Form::Text | Form::Markdown => Output::Text,
            Form::Json => Output::Json,
            Form::Jsonl => Output::Jsonl,
        }
    }
}

impl ValueEnum for Color {
    fn value_variants<'a>() -> &'a [Self] {
        &[Color::Auto, Color::Always, Color::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Color::Auto => ("auto", "In a terminal"),
            Color::Always => ("always", "Always"),
            Color::Never => ("never", "Never"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// AWS region, instead of the file's
    #[arg(long, global = true, value_name = "REGION", value_parser = words::region, help_heading = "Global options")]
    pub region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub profile: Option<String>,
    /// Endpoint for every AWS service
    #[arg(long, global = true, value_name = "URL", value_parser = endpoint_url, help_heading = "Global options")]
    pub endpoint_url: Option<String>,
    /// Use the local AWS emulator, never AWS; `deploy`, `plan` and `local up` start it if it isn't running
    #[arg(long, global = true, conflicts_with_all = ["profile"], help_heading = "Global options")]
    pub local: bool,
    // Listing the values below each other would give every command's --help a screen of its own for these two.
    /// Form of the results: text, json (one document) or jsonl (an object a line, as things happen); plan and drift also have
    /// markdown
    #[arg(
        long = "output",
        global = true,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub form: Form,
    /// What `form` means for most commands.
    #[arg(skip)]
    pub output: Output,
    /// Colours: auto (in a terminal), always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub color: Color,
    /// For screen readers and logs: words instead of signs and tables, nothing redrawn or coloured; as QFLEET_PLAIN=1
    #[arg(long, global = true, help_heading = "Global options")]
    pub plain: bool,
    /// Name each call to AWS on standard error; -vv: each attempt, and what it is about
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
    /// Append the same as -vv to a file, with times
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub log_file: Option<PathBuf>,
    /// When the command began.
    #[arg(skip = Instant::now())]
    pub began: Instant,
    /// Whether it starts the local emulator where none runs. A command that looks into one wouldn't find anything in it.
    #[arg(skip)]
    pub starts_emulator: bool,
    /// The change sets that it makes, and that must not stay behind.
    #[arg(skip)]
    pub drafts: Drafts,
}

impl Global {
    /// Connects to the account and region that the flags, the file and the AWS defaults chain name, in this order.
    pub async fn connect(&self, environment: Option<&Environment>) -> Result<Cloud> {
        self.connect_unidentified(environment).await?.identified(None).await
    }

    /// The same for an environment that may have been given by its name alone.
    pub async fn connect_to(&self, environment: &Meant) -> Result<Cloud> {
        self.connect_to_unidentified(environment).await?.identified(None).await
    }

    /// The same without asking whose credentials these are. Where nobody names a region, it is looked for on the emulator
    /// in the region where its local fleet runs, or ran last, and in those of other local fleets.
    pub async fn connect_to_unidentified(&self, environment: &Meant) -> Result<Unidentified> {
        let connected = self.connect_unidentified(environment.file.as_ref()).await;
        let connected = connected.map_err(|error| self.or_start_it(environment, error))?;
        Ok(match fleet_regions::of(connected.cloud(), &environment.name).await? {
            Some(region) => connected.of_local_fleet(&region),
            None => connected,
        })
    }

    /// The error, where the emulator doesn't run, with the command that starts it, and all that ran on it, again.
    fn or_start_it(&self, environment: &Meant, error: Error) -> Error {
        if !self.local || self.endpoint_url.is_some() || local::runs() {
            return error;
        }
        let name = &environment.name;
        let starts = match fleet::command(name) {
            Some(up) => format!("deploys {name} again and runs its workers: {up}"),
            None => format!("deploys {name}: {}", self.deploy(environment)),
        };
        error.with_help(format!(
            "one that qfleet didn't start is named with --endpoint-url; this starts qfleet's own, and {starts}"
        ))
    }

    /// Connects, and finds where an environment's jobs go.
    pub async fn destinations(&self, environment: &Meant) -> Result<(Cloud, Destinations)> {
        let cloud = self.connect_to(environment).await?;
        let destinations = Destinations::find(&cloud, &environment.name, self.deploy(environment)).await?;
        Ok((cloud, destinations))
    }

    /// The region that was named for this command: by the option, or by the file. None leaves it to AWS's defaults.
    pub fn named_region(&self, environment: Option<&Environment>) -> Option<(String, RegionFrom)> {
        if let Some(region) = &self.region {
            return Some((region.clone(), RegionFrom::Option));
        }
        Some((environment?.region.clone()?, RegionFrom::File))
    }

    /// The same without asking whose credentials these are.
    pub async fn connect_unidentified(&self, environment: Option<&Environment>) -> Result<Unidentified> {
        let account = environment.and_then(|environment| environment.account.clone());
        let (credentials, endpoint_url) = if self.local {
            let account = account.clone().unwrap_or_else(|| LOCAL_ACCOUNT.into());
            // Starting the emulator blocks, and a signal is to be heard meanwhile.
            let global = self.clone();
            let endpoint = spawn_blocking(move || global.local_endpoint()).await;
            let endpoint = endpoint.map_err(|error| Error::failed(format!("qfleet itself failed: {error}")))??;
            (Credentials::Local { account }, Some(endpoint))
        } else {
            (
                Credentials::Chain {
                    profile: self.profile.clone(),
                },
                self.endpoint_url.clone(),
            )
        };
        let connected = Connect {
            region: self.named_region(environment),
            endpoint_url,
            credentials,
            account,
            patience: None,
            on_call: report::calls::are_wanted().then_some(report::calls::tell),
        }
        .connect_unidentified()
        .await?;
        warn_of_unknown(&connected.cloud().region);
        Ok(connected)
    }

    /// The same for a command that is about the local emulator, whether or not `--local` was given.
    ///
    /// # Errors
    /// Usage, for options that name something else than the emulator.
    pub fn on_this_machine(&self) -> Result<Global> {
        if self.profile.is_some() {
            return Err(
                Error::usage("--profile names an account of AWS, and this command never reaches AWS")
                    .with_help("leave --profile out"),
            );
        }
        if let Some(endpoint) = &self.endpoint_url {
            local::check_loopback(endpoint)?;
        }
        Ok(Global {
            local: true,
            ..self.clone()
        })
    }

    /// The emulator's endpoint: the one that was given, or that of the emulator that runs. Where none does, it is started by
    /// a command that may do so.
    ///
    /// # Errors
    /// When none runs, or it can't be started.
    pub fn local_endpoint(&self) -> Result<String> {
        if let Some(given) = &self.endpoint_url {
            local::check_loopback(given)?;
            return Ok(given.clone());
        }
        let emulator = match self.starts_emulator {
            true => local::ensure_running()?,
            false => local::found_running()?,
        };
        report::local::note(&emulator, false);
        Ok(emulator.endpoint)
    }

    /// The options that say where to work, as they were given: for commands that a message names.
    pub fn whereabouts(&self) -> String {
        let named = [
            ("--profile", &self.profile),
            ("--region", &self.region),
            ("--endpoint-url", &self.endpoint_url),
        ];
        let named = named
            .into_iter()
            .filter_map(|(option, value)| Some(format!("{option} {}", shell::word(value.as_ref()?))));
        let local = self.local.then(|| "--local".to_owned());
        local.into_iter().chain(named).collect::<Vec<_>>().join(" ")
    }

    /// The AWS CLI with the options that were given here, for what is said before there is a connection.
    pub fn cli(&self) -> AwsCli {
        AwsCli {
            region: self.region.clone(),
            endpoint_url: self.endpoint_url.clone(),
            profile: self.profile.clone(),
            emulated: None,
        }
    }

    /// `--output` for a command that goes on with what this one leaves; nothing where it is for people.
    pub fn output_words(&self) -> String {
        let form = self.form.to_possible_value().filter(|_| self.output != Output::Text);
        form.map_or(String::new(), |form| format!(" --output {}", form.get_name()))
    }

    /// A command with these options behind it: copied, it works where this one did.
    pub fn with_whereabouts(&self, command: &str) -> String {
        match self.whereabouts().as_str() {
            "" => command.to_owned(),
            options => format!("{command} {options}"),
        }
    }

    /// The command that deploys it, there where this one looked.
    pub fn deploy(&self, environment: &Meant) -> String {
        self.with_whereabouts(&format!("qfleet deploy {}", environment.file_words))
    }

    /// Where blueprints are rendered for.
    pub fn placement(cloud: &Cloud) -> Placement {
        Placement {
            account: cloud.account.clone(),
            region: cloud.region.clone(),
            local: cloud.local,
        }
    }

    /// How progress is shown.
    pub fn face(&self) -> Face {
        match self.output {
            Output::Jsonl => Face::Jsonl,
            Output::Text | Output::Json => Face::for_people(),
        }
    }
}

/// Says once that a region may be none. It may as well be newer than this program.
pub fn warn_of_unknown(region: &str) {
    static SAID: Once = Once::new();
    if is_known(region) {
        return;
    }
    let meant = meant(region).map_or(String::new(), |meant| format!(": did you mean `{meant}`?"));
    SAID.call_once(|| report::note(&format!("warning: qfleet knows no region `{region}`{meant}")));
}

/// An address that the SDK can send to: of any other it says so only once it calls, in words of its own.
fn endpoint_url(text: &str) -> std::result::Result<String, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.to_owned()),
        Err(why) if text.starts_with("http://") || text.starts_with("https://") => Err(format!("it is no URL: {why}")),
        _ => Err("it is no URL: it must begin with http:// or https://".into()),
    }
}

/// The emulator's account when the file names none.
const LOCAL_ACCOUNT: &str = "000000000000";

/// The environment that a command is about.
#[derive(Debug, Clone, Args)]
pub struct Env {
    /// Environment file, or the bare name of one in stacks/
    #[arg(value_name = "ENV")]
    pub env: PathBuf,
    #[command(flatten)]
    pub name: NameOption,
}

impl Env {
    /// As it was given, for a command to copy from a message: `stacks/lab.yaml`, with `--name bob` where a name was
    /// given.
    pub fn words(&self) -> String {
        let file = shell::word(&self.env.to_string_lossy());
        match self.name.words() {
            Some(name) => format!("{file} {name}"),
            None => file,
        }
    }

    /// The file's path: as given if it is there or looks like a path, else `stacks/<name>.yaml`.
    ///
    /// # Errors
    /// Usage, with what was looked for.
    pub fn path(&self) -> Result<PathBuf> {
        if self.env.is_file() {
            return Ok(self.env.clone());
        }
        let bare = self.env.components().count() == 1 && self.env.extension().is_none();
        if bare {
            let tried: Vec<PathBuf> = ["yaml", "yml"]
                .iter()
                .map(|e| Path::new("stacks").join(&self.env).with_extension(e))
                .collect();
            if let Some(found) = tried.iter().find(|path| path.is_file()) {
                return Ok(found.clone());
            }
            return Err(Error::usage(format!(
                "no environment `{}`: neither a file of that name nor {} exists",
                self.env.display(),
                tried[0].display()
            ))
            .with_help(
                near::instead_of(&self.env).unwrap_or_else(|| {
                    "give the path of an environment file, or write one with `qfleet init`".to_owned()
                }),
            ));
        }
        let near = near::instead_of(&self.env);
        Err(Error::usage(format!("no environment file {}", self.env.display()))
            .with_help(near.unwrap_or_else(|| "write one with `qfleet init`".to_owned())))
    }

    /// Loads and checks it.
    pub fn load(&self) -> Result<Environment> {
        Ok(environment::load_as(&self.path()?, self.name.given()?.as_ref())?)
    }

    /// The same for a command that is about what is deployed.
    pub fn find(&self) -> Result<Meant> {
        let file = self.load()?;
        Ok(Meant {
            name: file.name.clone(),
            file: Some(file),
            file_words: self.words(),
        })
    }

    /// The same for a command that renders it: what programs must be built for is built. A signal ends a build with all
    /// that it started.
    pub fn load_and_build(&self, global: &Global) -> Result<Environment> {
        let environment = self.load()?;
        if environment.stages.iter().all(|stage| stage.workers.lambda.is_none()) {
            return Ok(environment);
        }
        let local = global.local;
        global.blocking(move || {
            blueprint::build(&environment, local, |folder| {
                report::note(&format!("Building {} (its `build` is run)", folder.display()));
            })?;
            Ok(environment)
        })
    }
}
