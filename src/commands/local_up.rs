//! `qfleet local up ENV`

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use nix::unistd::Uid;
use tokio::time::sleep;

use super::deploy::deploy_before;
use super::global::{Env, Global};
use super::numbers::whole;
use crate::blueprint;
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
use crate::local::fleet::{self, runs_already};
use crate::local::{let_go_of_inherited, python};
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
        let global = &global.on_this_machine()?;
        let environment = self.env.load_and_build(global)?;
        if fleet::find(&environment.name)?.is_some() {
            return Err(runs_already(&environment.name));
        }
        let programs = environment
            .instances()
            .filter_map(|(_, instances)| instances.program.as_ref());
        let folders: Vec<_> = programs.map(|program| environment.program_folder(program)).collect();
        self.tell_what_cannot_run(&environment)?;
        let python = python::check(&folders, &format!("qfleet local up {}", self.env.words()))?;
        let endpoint = global.local_endpoint()?;
        // Where it is now: so the deploy, this process and a detached one mean the same emulator.
        let global = &Global {
            endpoint_url: Some(endpoint.clone()),
            ..global.clone()
        };
        if !global.read(is_deployed(global, &environment))? {
            deploy_before(global, &environment, &self.env)?;
        }
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
            return self.detached(global, &environment, &endpoint);
        }
        let end = global.run(None, async |interrupt| {
            let cloud = interrupt.unless_stopped(global.connect(Some(&environment))).await?;
            // It hears signals itself: workers finish what they have in hand.
            interrupt.hand_over();
            let setup = Setup {
                cloud,
                endpoint,
                environment: environment.name.clone(),
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
    fn detached(&self, global: &Global, environment: &Environment, endpoint: &str) -> Result<()> {
        let log = fleet::log(&environment.name)?;
        let mut child = self.command(global, endpoint, &log)?;
        let up = global.run(None, async |interrupt| {
            Ok(wait_until_up(&mut child, &environment.name, interrupt).await)
        })?;
        let state = match up {
            Ok(state) => state,
            Err(failure) => {
                // It has ended, or nobody waits for it any more. Its workers mustn't outlive it.
                let _ = child.kill();
                let _ = child.wait();
                let _ = stop::stop(&environment.name, |_| ());
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

    fn command(&self, global: &Global, endpoint: &str, log: &std::path::Path) -> Result<Child> {
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
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // A Ctrl-C at this terminal, and its end, are not for it.
            .process_group(0)
            .spawn()
            .map_err(failed)
    }
}

/// Whether every part is there and well.
async fn is_deployed(global: &Global, environment: &Environment) -> Result<bool> {
    let cloud: Cloud = global.connect(Some(environment)).await?;
    let blueprint = blueprint::render(environment, &Global::placement(&cloud))?;
    let deployed = Deployed::find(&cloud, &environment.name).await?;
    let is_well = |part: &str| deployed.part(part).is_some_and(|stack| stack.stack.status.is_well());
    Ok(blueprint.stacks.iter().all(|stack| is_well(&stack.part)))
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
