//! What a group says is to be done with its instances, done: folders, metadata services, processes.

use std::path::PathBuf;

use nix::sys::signal::Signal;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::super::balancer;
use super::super::event::FleetEvent;
use super::super::group::{Effect, Exit};
use super::super::instance_folder::InstanceFolder;
use super::super::logs::owner;
use super::super::metadata::{Facts, Metadata};
use super::super::process;
use super::super::secrets;
use super::super::state::{Activity, Lack};
use super::super::surroundings::{Surroundings, variables};
use super::{Around, PATIENCE, Supervisor};
use crate::error::{Error, Result};
use crate::local::python;

impl Supervisor {
    pub(super) async fn carry_out(&mut self, place: usize, effect: Effect) {
        match effect {
            Effect::Launch(id) => {
                if let Err(error) = self.launch(place, &id).await {
                    self.not_started(place, &id, &error);
                }
            }
            Effect::Start(id) => {
                if let Err(error) = self.start_worker(place, &id).await {
                    self.not_started(place, &id, &error);
                }
            }
            Effect::Stop(id) => self.signal(&id, Signal::SIGTERM),
            Effect::Kill(id) => self.signal(&id, Signal::SIGKILL),
            Effect::Remove(id) => {
                if let Some(around) = self.around.remove(&id) {
                    around.place.clear();
                }
            }
            Effect::Failed { id, message, launch } => {
                let stage = self.members[place].stage.name.clone();
                let log = InstanceFolder::of(&self.home.instances(), &id).log();
                if let Some(launch) = launch {
                    self.record(&Activity {
                        status_message: Some(format!("{message}\nits log is {}", log.display())),
                        ..launch
                    });
                }
                self.tell.tell(FleetEvent::WorkerEnded {
                    stage,
                    instance: id,
                    message,
                    log,
                });
            }
            Effect::Record(activity) => {
                self.record(&activity);
                let stage = self.members[place].stage.name.clone();
                self.tell.tell(FleetEvent::Activity { stage, activity });
            }
        }
    }

    fn record(&mut self, activity: &Activity) {
        if let Err(error) = self.journal.record(activity) {
            self.note_once(error.to_string());
        }
    }

    async fn launch(&mut self, place: usize, id: &str) -> Result<()> {
        let member = &self.members[place];
        let zone = member
            .group
            .instance(id)
            .map_or(String::new(), |instance| instance.zone.clone());
        let folder = InstanceFolder::of(&self.home.instances(), id);
        let owner = owner(&self.cloud.account, &self.cloud.region, &member.stage.name);
        let facts = Facts {
            instance_id: id.to_owned(),
            zone,
            region: self.cloud.region.clone(),
            instance_type: member.stage.facts.instance_type.clone(),
        };
        let around = Around {
            place: folder.clone(),
            metadata: None,
            program: member.program.clone(),
            settings: member.stage.outputs.settings.clone(),
            worker: None,
            log_from: 0,
            port: None,
        };
        // Known before anything can fail, so that it is cleared away whatever happens.
        let around = self.around.entry(id.to_owned()).or_insert(around);
        folder.make()?;
        folder.note_owner(&owner)?;
        around.metadata = Some(Metadata::serve(facts).await?);
        if self.members[place].balancer.is_some() {
            // Several run on one machine: each has a port of its own.
            let port = balancer::free_port()?;
            around.port = Some(port);
            around.settings.retain(|(name, _)| name != "PORT");
            around.settings.push(("PORT".to_owned(), port.to_string()));
        }
        self.start_worker(place, id).await
    }

    async fn start_worker(&mut self, place: usize, id: &str) -> Result<()> {
        let python = self.python(place, id).await;
        let around = self.around.get_mut(id);
        let around = around.ok_or_else(|| Error::failed(format!("{id} has no folder")))?;
        let read = timeout(PATIENCE, secrets::read(&self.cloud, &around.settings)).await;
        let secrets = read.map_err(|_| Error::failed("the emulator doesn't say what the worker's secrets are"))??;
        let metadata = around.metadata.as_ref().map_or("", |metadata| &metadata.endpoint);
        let variables = variables(
            &Surroundings {
                account: &self.cloud.account,
                region: &self.cloud.region,
                endpoint: &self.peek.endpoint,
                autoscaling: &self.endpoint.url,
                metadata,
                settings: &around.settings,
                secrets: &secrets,
                state: &around.place.state(),
                temporary: &around.place.temporary(),
            },
            |name| match name {
                "PATH" => python::path(python.as_deref()),
                name => std::env::var_os(name),
            },
        );
        around.log_from = around.place.log_length();
        let (exits, name) = (self.exits.clone(), id.to_owned());
        let tell = move |exit| {
            // Nobody listens only when the supervisor waits for nobody any more.
            let _ = exits.send((name, exit));
        };
        let started = process::start(&around.place, &around.program, variables, tell)?;
        let pid = started.pid;
        around.worker = Some(started);
        let now = self.now();
        self.members[place].group.started(id, pid, now);
        Ok(())
    }

    /// The folder of the python3 for this instance's program, which may ask for others than when the fleet was started.
    /// Where none has what it asks for, that is said, and the worker says the rest.
    async fn python(&mut self, place: usize, id: &str) -> Option<PathBuf> {
        let program = self.around.get(id)?.program.clone();
        let otherwise = self.python.clone();
        // It starts processes, and waits for them.
        let environment = self.environment.clone();
        let again = self.home.command();
        let again = again.unwrap_or_else(|| format!("qfleet local up ENV --name {environment}"));
        let of_program = move || python::of_program(&program, otherwise.as_deref(), &environment, &again);
        let asked = spawn_blocking(of_program).await;
        match asked.ok()? {
            Ok(python) => {
                self.members[place].lacks = None;
                python
            }
            Err(error) => {
                let help = error.help().unwrap_or_default().to_owned();
                self.note_once(format!("{error}; {help}"));
                self.members[place].lacks = Some(Lack {
                    what: error.to_string(),
                    help,
                });
                self.python.clone()
            }
        }
    }

    fn not_started(&mut self, place: usize, id: &str, error: &Error) {
        let now = self.now();
        self.members[place].group.not_started(id, &error.to_string(), now);
    }

    fn signal(&self, id: &str, signal: Signal) {
        if let Some(worker) = self.around.get(id).and_then(|around| around.worker.as_ref()) {
            // SIGTERM goes to the program alone, which may still need what it started; as systemd does it for an
            // instance (KillMode=mixed).
            worker.signal(signal, signal == Signal::SIGKILL);
        }
    }

    pub(super) fn exited(&mut self, id: &str, exit: &Exit) {
        let around = self.around.get(id);
        let exit = match exit {
            Exit::Killed if around.is_some_and(|around| around.place.has_crashed()) => &Exit::Crashed,
            exit => exit,
        };
        let said = around.map(|around| around.place.last_words(around.log_from));
        let now = self.now();
        if let Some(member) = self
            .members
            .iter_mut()
            .find(|member| member.group.instance(id).is_some())
        {
            member.group.exited(id, exit, said.unwrap_or_default(), now);
        }
    }
}
