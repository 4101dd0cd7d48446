//! Taking a whole environment down: what is refused, what is asked, and the look for what is left.

use futures_util::FutureExt;
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::destroyed::Destroyed;
use super::{Teardown, foreign, keep};
use crate::cloud::{Cloud, CloudError, RegionFrom};
use crate::deployed::holdings::holdings;
use crate::deployed::looked::Looked;
use crate::deployed::protection::{self, Lifted};
use crate::deployed::{Deployed, expiry_parameter};
use crate::engine::operation::Context;
use crate::engine::outcome::Report;
use crate::engine::plan::blocking::Blocking;
use crate::environment::{Environment, OnDestroy, known_regions};
use crate::error::{Error, Reason, Result};
use crate::observe::data::Data;
use crate::observe::leftovers::{self, Fate, Known, Patience, Receipt, Subject};
use crate::observe::local_fleet;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub name: &'a str,
    /// Its file; none where it is lost.
    pub file: Option<&'a Environment>,
    /// The command that deploys it, for messages.
    pub deploy: &'a str,
    /// Workers aren't given the time to finish.
    pub no_drain: bool,
    /// Termination protection that somebody switched on by hand is lifted.
    pub disable_protection: bool,
    /// What can't be deleted is left behind in the end.
    pub force: bool,
    /// The role that CloudFormation does it with.
    pub role_arn: Option<&'a str>,
    /// What time it is.
    pub now: fn() -> Timestamp,
}

/// Who is told and asked before anything is lost.
pub trait Ask: Sync {
    /// Says something to know before the question.
    fn note(&self, text: &str);
    /// Shows what goes, and what is lost with it. Whether it may go.
    ///
    /// # Errors
    /// Why it can't be asked.
    fn agrees(&self, deployed: &Deployed, data: &Data) -> Result<bool>;
    /// Whether what keeps a stack from being deleted may be left behind.
    fn gives_up(&self, stack: &str, blocking: &[Blocking]) -> bool;
}

/// Destroys an environment, and looks for what is left of it.
///
/// # Errors
/// A refusal, with which nothing was changed; a failure when AWS can't be asked what there is.
pub async fn take_down(context: Context<'_>, wish: Wish<'_>, ask: &dyn Ask) -> Result<Destroyed> {
    let Context { cloud, interrupt, .. } = context;
    let find = async { Deployed::find(cloud, wish.name).await?.with_protection(cloud).await };
    let deployed = interrupt.unless_stopped(find).await?;
    refuse_protected(wish, &deployed)?;
    let (mut report, data, known) = if deployed.stacks.is_empty() {
        let nothing = Report::new(deployed.address, Vec::new());
        (nothing, Data::default(), Known::default())
    } else {
        let known = interrupt
            .unless_stopped(Known::read(cloud, &deployed).map(Ok::<_, Error>))
            .await?;
        let (report, data) = destroy(context, wish, ask, deployed).await?;
        (report, data, known)
    };
    let mut receipt = None;
    if report.succeeded {
        cloud.delete_parameter(&expiry_parameter(wish.name)).await?;
        let subject = subject(wish, known, &report);
        let look = leftovers::look(cloud, &subject, Patience::with(cloud), (wish.now)());
        receipt = tokio::select! {
            receipt = look => Some(receipt),
            // What was asked for is done; only the proof is missing.
            _ = interrupt.stopped() => None,
        };
    }
    let is_there = |receipt: &Receipt| receipt.resources.iter().any(|row| row.fate != Fate::Unknown);
    let found = !report.stacks.is_empty() || receipt.as_ref().is_some_and(is_there);
    let is_kept = |receipt: &Receipt| receipt.count(Fate::Kept) > 0;
    if report.stacks.is_empty() && receipt.as_ref().is_some_and(is_kept) {
        // An earlier destroy said so, to somebody else perhaps.
        let empties = wish.file.and_then(Environment::said_on_destroy) == Some(OnDestroy::Empty);
        report.import_with = Some(import_with(wish, empties));
    }
    let mut looked = Looked::new(cloud, found);
    if cloud.local && !found {
        let elsewhere = interrupt.unless_stopped(elsewhere(cloud, wish.name)).await?;
        if let Some(region) = elsewhere.first() {
            let what = format!("{}: it is in {}", report.address.not_deployed(), elsewhere.join(", "));
            return Err(Error::failed(what).with_help(format!("name the region: --region {region}")));
        }
        if looked.proves_nothing() {
            looked.region_from = RegionFrom::AllRegions;
        }
    }
    // Whether it is gone isn't known.
    report.succeeded &= receipt.is_none() || !looked.proves_nothing();
    Ok(Destroyed {
        looked,
        report,
        data,
        receipt,
    })
}

/// In which other regions of the local emulator it is: in any, where nobody named this one, as nothing there is far away; in that
/// of its local fleet, where this one may have been named by mistake. A file knows its region.
async fn elsewhere(cloud: &Cloud, name: &str) -> Result<Vec<String>> {
    let regions: Vec<String> = match &cloud.region_from {
        from if from.is_guess() => known_regions::all().map(str::to_owned).collect(),
        RegionFrom::File => Vec::new(),
        _ => local_fleet::elsewhere(cloud, name)?.into_iter().collect(),
    };
    let all = regions.into_iter().map(async |region| {
        let there = Deployed::find(&cloud.in_region(&region), name).await?;
        Ok::<_, Error>((!there.stacks.is_empty()).then_some(region))
    });
    Ok(try_join_all(all).await?.into_iter().flatten().collect())
}

fn refuse_protected(wish: Wish<'_>, deployed: &Deployed) -> Result<()> {
    if wish.file.is_some_and(|file| file.protect) {
        return Err(
            Error::refused(format!("{} is protected: its file says `protect: true`", wish.name))
                .because(Reason::Protected)
                .with_help("deploy it with `protect: false` first, if it really is to go"),
        );
    }
    // What no option lifts is said first.
    let refusal = |by_hand| {
        let lifted = Lifted { tagged: false, by_hand };
        let mut stacks = deployed.stacks.iter();
        stacks.find_map(|stack| protection::refusal(&stack.stack, lifted))
    };
    match refusal(true).or_else(|| refusal(wish.disable_protection)) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

async fn destroy(context: Context<'_>, wish: Wish<'_>, ask: &dyn Ask, deployed: Deployed) -> Result<(Report, Data)> {
    let Context { cloud, interrupt, .. } = context;
    let users = interrupt.unless_stopped(foreign::find(cloud, &deployed)).await?;
    for (_, unknown) in &users.unknown {
        ask.note(&format!("warning: it isn't known {unknown}"));
    }
    if !users.foreign.is_empty() {
        return Err(foreign::refusal(wish.name, &users.foreign));
    }
    let empties = deployed
        .stacks
        .iter()
        .any(|stack| stack.tags.on_destroy == OnDestroy::Empty && stack.part != "artifacts");
    let deployed = deployed.in_order_of_imports(&users);
    let deployed = interrupt.unless_stopped(keep::mark(cloud, deployed)).await?;
    let data = interrupt.unless_stopped(look(cloud, &deployed, (wish.now)())).await?;
    refuse_to_lose_what_the_file_keeps(wish, &deployed, &data)?;
    if !ask.agrees(&deployed, &data)? {
        return Err(Error::refused("not confirmed: nothing was changed").because(Reason::NotConfirmed));
    }
    let mut report = super::destroy(Teardown {
        context,
        deployed: &deployed,
        role_arn: wish.role_arn,
        objects: &data.versions(),
        no_drain: wish.no_drain,
        spares: None,
        lifted: Lifted {
            tagged: false,
            by_hand: wish.disable_protection,
        },
        force: wish.force,
        approve: &|stack, blocking| ask.gives_up(stack, blocking),
        now: wish.now,
    })
    .await;
    if !report.kept.is_empty() {
        report.import_with = Some(import_with(wish, empties));
    }
    Ok((report, data))
}

/// What the file says holds once it is deployed. Who set `on_destroy: keep` in it doesn't mean to lose the data all the
/// same.
fn refuse_to_lose_what_the_file_keeps(wish: Wish<'_>, deployed: &Deployed, data: &Data) -> Result<()> {
    let lost = lost_though_the_file_keeps(wish.file, deployed, data);
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the file of {} says `on_destroy: keep`, but was not deployed with it, so this would delete {}",
        wish.name,
        lost.join(", ")
    ))
    .with_help(format!(
        "run `{}`, then the same command again; or set `on_destroy: empty`",
        wish.deploy
    )))
}

/// What would be deleted of an environment whose file says `on_destroy: keep`.
pub(super) fn lost_though_the_file_keeps(file: Option<&Environment>, deployed: &Deployed, data: &Data) -> Vec<String> {
    if file.and_then(Environment::said_on_destroy) != Some(OnDestroy::Keep) {
        return Vec::new();
    }
    // `on_destroy` speaks of what qfleet makes.
    let ours = deployed
        .stacks
        .iter()
        .filter(|stack| stack.part != "artifacts" && !stack.tags.own_template);
    let ours: Vec<&String> = ours.map(|stack| &stack.stack.name).collect();
    let buckets = data.buckets.iter().map(|one| (&one.stack, &one.bucket, one.kept));
    let queues = data.queues.iter().map(|one| (&one.stack, &one.queue, one.kept));
    let tables = data.tables.iter().map(|one| (&one.stack, &one.table, one.kept));
    let lost = buckets
        .chain(queues)
        .chain(tables)
        .filter(|(stack, _, kept)| ours.contains(stack) && !kept);
    lost.map(|(_, name, _)| name.clone()).collect()
}

/// How data that was kept comes into a new deployment. Only what is retained can be imported.
fn import_with(wish: Wish<'_>, empties: bool) -> String {
    match empties {
        true => format!("{}, once the file says `on_destroy: keep`", wish.deploy),
        false => wish.deploy.to_owned(),
    }
}

/// What the stacks hold.
async fn look(cloud: &Cloud, deployed: &Deployed, now: Timestamp) -> std::result::Result<Data, CloudError> {
    let holdings = holdings(cloud, &deployed.stacks).await?;
    Ok(Data::read(cloud, &holdings, now).await)
}

/// What is to be looked for afterwards.
fn subject(wish: Wish<'_>, known: Known, report: &Report) -> Subject {
    let stages = wish.file.iter().flat_map(|file| &file.stages);
    let mut subject = Subject {
        environment: wish.name.to_owned(),
        stages: stages.map(|stage| stage.name.clone()).collect(),
        existing_bucket: wish.file.and_then(|file| file.bucket.as_ref()?.existing.clone()),
        known,
        ..Subject::default()
    };
    for kept in &report.kept {
        subject.keep(&kept.resource_type, &kept.name);
    }
    for abandoned in &report.abandoned {
        subject.give_up(&abandoned.resource_type, &abandoned.name);
    }
    subject
}
