//! `qfleet local up ENV`

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use clap::Args;
use nix::unistd::Uid;
use tokio::time::sleep;

use super::deploy::deploy_before;
use super::global::{Env, Global};
use super::numbers::whole;
use super::words;
use crate::blueprint::{self, Artifact, outputs};
use crate::cloud::Cloud;
use crate::deployed::Deployed;
use crate::deployed::stage::Stage;
use crate::environment::Environment;
use crate::error::{Error, Result, exit_code};
use crate::interrupt::Interrupt;
use crate::local::fleet::event::Events;
use crate::local::fleet::state::FleetState;
use crate::local::fleet::stop;
use crate::local::fleet::supervisor::{self, End, Setup};
use crate::local::fleet::{self, Claim, runs_already};
use crate::local::{self, let_go_of_inherited, python};
use crate::report;
use crate::report::form::Output;

/// It reads stacks, fetches programs and has them installed first. One that fails ends at once.
const TIME_TO_START: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_millis(25);

/// Arguments of `local up`.
#[derive(Debug, Args)]
#[command(after_help = "\
Deploys ENV to the local emulator if it isn't there, of which -v tells more, then runs its workers: a process an instance, each with an \
instance metadata service of its own. qfleet plays Auto Scaling around them: it scales by the deployed policies, drains \
by the deployed hook, and replaces instances whose worker is killed. The emulator itself runs Lambda functions; where there \
is nothing else, nothing is started, and it ends at once with 0. A deploy of ENV with --local is followed. The program is \
what was packed and uploaded: a copy, whose `install` is run first as on an instance, but as the user that you are. Workers \
in Python that have a requirements.txt are run by the python3 of the PATH instead, or by the one that `qfleet local install` \
brings, if that has what the file names; their `install` isn't run.

With --speed 10, one of the fleet's minutes takes six seconds, and `capacity` goes by a clock that runs as fast; \
visibility timeouts and the work itself stay as long as \
they are. An instance is Pending until its worker has run for five of its seconds, and for one at least; the worker takes \
messages from its start.

Ctrl-C, SIGTERM or `qfleet local down` end it: workers finish what they have in hand, for up to 30 s; once more kills \
them. It ends by itself, with 0, when the environment is destroyed. Its workers' logs and its scaling activities stay until then.

Examples:
  qfleet local up lab                      in this terminal, a line for each thing that happens
  qfleet local up lab --speed 10 --detach  in the background
  qfleet status lab --local --watch        how it does
  qfleet local down                        end it

Exit codes: 0 the environment is gone, or it runs in the background; 1 it can't be run, or the emulator is gone; \
2 bad file or usage; 4 it runs already, or python3 lacks a package; 130 stopped.")]
pub struct Up {
    #[command(flatten)]
    env: Env,
    /// How many times as fast its clock runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u32>(1..=100, 40))]
    speed: u32,
    /// Don't run the programs' `install`: this machine has what they need
    #[arg(long)]
    no_install: bool,
    /// Run in the background; return once it runs
    #[arg(long)]
    detach: bool,
}

impl Up {
    pub fn run(self, global: &Global) -> Result<()> {
        if global.output == Output::Json && !self.detach {
            return Err(
                Error::usage("a fleet in the foreground has no end, and --output json is one document")
                    .with_help("use --output jsonl: an object a line; or --detach"),
            );
        }
        let as_given = global;
        let global = &global.on_this_machine()?;
        let environment = self.env.load_and_build(global)?;
        if fleet::find(&environment.name)?.is_some() {
            return Err(runs_already(&environment.name));
        }
        self.tell_what_cannot_run(&environment)?;
        let again = as_given.with_whereabouts(&self.again());
        let check = |is_meant: &dyn Fn(&str) -> bool| {
            let meant = programs(&environment).filter(|(stage, _)| is_meant(stage));
            let folders: Vec<PathBuf> = meant.map(|(_, folder)| folder).collect();
            let again = again.clone();
            // What is lacking is only said where it is to be run: a signal ends it here and now.
            global.blocking(move || Ok(python::check(&folders, &again)))
        };
        let mut python = check(&|_| true)?;
        if global.endpoint_url.is_none() && !local::runs() {
            // It is to be deployed, so the folders are what will run.
            python = Ok(python?);
        }
        let claim = Claim::take(&environment.name, &again)?;
        let here = global.clone();
        let endpoint = global.blocking(move || here.local_endpoint())?;
        let on_this_machine = global;
        // Where it is now: so this process and a detached one mean the same emulator.
        let global = &Global {
            endpoint_url: Some(endpoint.clone()),
            ..global.clone()
        };
        let python = match global.read(edited(global, &environment))? {
            None => {
                let python = python?;
                deploy_before(on_this_machine, &environment, &self.env)?;
                python
            }
            Some(edited) if edited.is_empty() => python?,
            Some(edited) => {
                let deploy = on_this_machine.with_whereabouts(&format!("qfleet deploy {}", self.env.words()));
                report::note(&report::fleet::edited(&folders(&environment, &edited), &deploy));
                // What is deployed of the others is looked at when it is started.
                check(&|stage| !edited.iter().any(|edited| edited == stage))??
            }
        };
        let stages = global.read(deployed_stages(global, &environment))?;
        let functions = stages.iter().filter(|stage| stage.function().is_some());
        let functions: Vec<&str> = functions.map(|stage| stage.name.as_str()).collect();
        // Instances that are described may come with a later deploy.
        let may_come = environment.instances().next().is_some();
        let none_now = stages.iter().all(|stage| stage.instances().is_none());
        if !functions.is_empty() && none_now && !may_come {
            let only = report::fleet::OnlyFunctions {
                environment: &environment.name,
                functions,
            };
            report::document(global.output, &only, || report::fleet::only_functions(&only));
            return Ok(());
        }
        if !functions.is_empty() {
            report::note(&report::fleet::functions(&functions));
        }
        if Uid::effective().is_root() {
            report::note("note: workers run as root, because qfleet does; on an instance they don't");
        }
        if self.detach {
            return self.detached(global, &environment, &endpoint, claim);
        }
        let end = global.run(None, async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect(Some(&environment))).await?;
            // It hears signals itself: workers finish what they have in hand.
            interrupt.hand_over();
            let setup = Setup {
                cloud,
                endpoint,
                environment: environment.name.clone(),
                claim,
                speed: self.speed,
                install: !self.no_install,
                python,
            };
            let (tell, told) = Events::channel();
            let shown = tokio::spawn(report::fleet::show(told, global.output));
            let end = supervisor::run(setup, tell).await;
            let _ = shown.await;
            end
        })?;
        match end {
            End::Gone => Ok(()),
            End::Stopped => Err(Error::Shown(exit_code::INTERRUPTED)),
        }
    }

    /// The command that does the same again.
    fn again(&self) -> String {
        let speed = match self.speed {
            1 => String::new(),
            speed => format!(" --speed {speed}"),
        };
        let flags = words::flags(&[("--no-install", self.no_install), ("--detach", self.detach)]);
        format!("qfleet local up {}{speed}{flags}", self.env.words())
    }

    /// An image that brings its worker is started by EC2 alone.
    fn tell_what_cannot_run(&self, environment: &Environment) -> Result<()> {
        let of_images = environment.stages.iter().filter(|stage| {
            let mut instances = stage.workers.instances.iter();
            instances.any(|instances| instances.program.is_none())
        });
        let names: Vec<&str> = of_images.map(|stage| stage.name.as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let cannot = format!(
            "no worker of {} runs here: its image brings it, and only EC2 starts images",
            names.join(", ")
        );
        if names.len() == environment.stages.len() && environment.web.is_none() {
            return Err(
                Error::usage(cannot).with_help("the queue and the bucket are there with `qfleet deploy --local`")
            );
        }
        report::note(&format!("note: {cannot}"));
        Ok(())
    }

    /// The same in the background: a process of its own, in no terminal.
    fn detached(&self, global: &Global, environment: &Environment, endpoint: &str, claim: Claim) -> Result<()> {
        let log = fleet::log(&environment.name)?;
        let mut child = self.start(global, endpoint, &log, claim)?;
        let up = global.run(None, async |interrupt| {
            Ok(wait_until_up(&mut child, &environment.name, interrupt).await)
        })?;
        let state = match up {
            Ok(state) => state,
            Err(failure) => {
                // It has ended, or nobody waits for it any more. Its workers mustn't outlive it.
                let _ = child.kill();
                let _ = child.wait();
                let _ = stop::end_orphans(&environment.name);
                let Some(failure) = failure else {
                    return Err(Error::Interrupted);
                };
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(report::fleet::not_started(&failure, &said, &log));
            }
        };
        let detached = report::fleet::Detached {
            fleet: &state,
            log: log.display().to_string(),
        };
        report::document(global.output, &detached, || report::fleet::detached(&detached));
        Ok(())
    }

    /// It has the claim then: who else starts a fleet meanwhile, is refused before it writes anything.
    fn start(&self, global: &Global, endpoint: &str, log: &Path, claim: Claim) -> Result<Child> {
        use std::os::unix::process::CommandExt;

        let failed = |error: std::io::Error| {
            Error::failed(format!("a fleet can't be started in the background: {error}"))
                .with_help("without --detach it runs in this terminal")
        };
        let_go_of_inherited();
        let output = File::create(log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["local", "up", "--color", "never"]).arg(&self.env.env);
        command.args(self.env.name.given()?.iter().flat_map(|given| ["--name", &given.name]));
        command.args(["--speed", &self.speed.to_string(), "--endpoint-url", endpoint]);
        if self.no_install {
            command.arg("--no-install");
        }
        if let Some(region) = &global.region {
            command.args(["--region", region]);
        }
        command
            .stdin(claim.into_stdin())
            .stdout(output)
            .stderr(errors)
            // A Ctrl-C at this terminal, and its end, are not for it.
            .process_group(0)
            .spawn()
            .map_err(failed)
    }
}

/// The folders of the programs that instances run, each with its stage, or `web`.
fn programs(environment: &Environment) -> impl Iterator<Item = (&str, PathBuf)> {
    let stages = environment.stages.iter();
    let of_stages = stages.filter_map(|stage| Some((stage.name.as_str(), stage.workers.instances.as_ref()?)));
    let web = environment.web.iter().map(|web| ("web", &web.instances));
    of_stages
        .chain(web)
        .filter_map(|(stage, instances)| Some((stage, environment.program_folder(instances.program.as_ref()?))))
}

/// The folders of the programs of these stages, as a person would write them; the name of a stage whose worker is a function.
fn folders(environment: &Environment, stages: &[String]) -> Vec<String> {
    let folder = |stage: &String| {
        let found = programs(environment).find(|(name, _)| name == stage);
        found.map_or_else(
            || format!("the program of {stage}"),
            |(_, folder)| folder.display().to_string(),
        )
    };
    stages.iter().map(folder).collect()
}

/// The stages whose program is another one than the one that is deployed; none unless every part is there and well.
async fn edited(global: &Global, environment: &Environment) -> Result<Option<Vec<String>>> {
    let cloud: Cloud = global.connect(Some(environment)).await?;
    let blueprint = blueprint::render(environment, &Global::placement(&cloud))?;
    let deployed = Deployed::find(&cloud, &environment.name).await?;
    let is_well = |part: &str| deployed.part(part).is_some_and(|stack| stack.stack.status.is_well());
    if !blueprint.stacks.iter().all(|stack| is_well(&stack.part)) {
        return Ok(None);
    }
    let is_other = |artifact: &&Artifact| {
        let stack = deployed.part(&artifact.stage);
        let program = stack.and_then(|stack| stack.stack.outputs.get(outputs::PROGRAM));
        // The key holds a hash of what is in it.
        program.is_some_and(|program| !program.ends_with(&format!("/{}", artifact.key)))
    };
    let edited = blueprint.artifacts.iter().filter(is_other);
    Ok(Some(edited.map(|artifact| artifact.stage.clone()).collect()))
}

async fn deployed_stages(global: &Global, environment: &Environment) -> Result<Vec<Stage>> {
    let cloud: Cloud = global.connect(Some(environment)).await?;
    let mut deployed = Deployed::find(&cloud, &environment.name).await?;
    let of_file: Vec<String> = environment.stages.iter().map(|stage| stage.name.clone()).collect();
    deployed.put_in_order(&of_file);
    Ok(Stage::all(&deployed))
}

/// The state of the fleet that a process runs; or why it doesn't, unless that was interrupted.
async fn wait_until_up(
    child: &mut Child,
    environment: &str,
    interrupt: &Interrupt,
) -> std::result::Result<FleetState, Option<String>> {
    let pid = i32::try_from(child.id()).unwrap_or_default();
    let deadline = Instant::now() + TIME_TO_START;
    loop {
        if let Ok(Some(ended)) = child.try_wait() {
            return Err(Some(format!("the local fleet ended while it was starting ({ended})")));
        }
        match fleet::find(environment) {
            Ok(Some(state)) if state.pid == pid => return Ok(state),
            Ok(_) if interrupt.asked() => return Err(None),
            Ok(_) if Instant::now() < deadline => sleep(PAUSE).await,
            Ok(_) => {
                return Err(Some(format!(
                    "the local fleet didn't start within {} s",
                    TIME_TO_START.as_secs()
                )));
            }
            Err(error) => return Err(Some(error.to_string())),
        }
    }
}
