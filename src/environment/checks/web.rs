//! The web tier: what a load balancer asks of its instances, and whom it feeds.

use super::Checks;
use crate::environment::nearest::nearest;
use crate::environment::problem::Problem;
use crate::environment::source::child;
use crate::environment::units::Duration;
use crate::environment::{Image, Web, Zones};

const INSTANCES: &str = "/web/instances";

pub(super) fn check(checks: &mut Checks) {
    let Some(web) = &checks.environment.web else {
        return;
    };
    instances(checks, web);
    subnets(checks, web);
    feeds(checks, web);
    checks.twice("/web/clients", &web.clients);
}

fn instances(checks: &mut Checks, web: &Web) {
    let instances = &web.instances;
    let at = |key: &str| format!("{INSTANCES}/{key}");
    // Of a bare one it is said already.
    if instances.program.is_none() && !Image::of(&instances.image).is_bare() {
        checks.note(
            Problem::new(INSTANCES, "`program` is missing: the web tier runs one")
                .help("name the program's folder, such as `program: ../examples/web`"),
            &[&at("program"), &at("image")],
        );
    }
    // The time that the load balancer gets to see it, beside that of its program.
    let least = Duration::minutes(2);
    if instances.start_timeout < least {
        let problem = Problem::new(
            at("start_timeout"),
            format!(
                "behind a load balancer an instance needs more than {} to start",
                instances.start_timeout
            ),
        );
        let help = format!("at least {least}: it counts once its program answers and the load balancer has seen it");
        checks.note(problem.help(help), &[]);
    }
    let nobody = "a load balancer starts no instance: at 0, nobody would answer";
    if instances.min == 0 {
        checks.note(Problem::new(at("min"), nobody).help("set `min` to at least 1"), &[]);
    }
    for (i, entry) in instances.schedule().0.iter().enumerate() {
        if instances.min > 0 && entry.min == 0 {
            let problem = Problem::new(at(&format!("capacity/{i}")), nobody);
            checks.note(problem.help("set its `min` to at least 1"), &[&at("min")]);
        }
    }
    if let Some(Zones::Named(_)) = instances.zones {
        let problem = Problem::new(at("zones"), "a load balancer is put into subnets, not into zones");
        let help = "remove `zones`: every zone of the default VPC that offers the types is taken; or name `vpc` with \
                    `subnets`";
        checks.note(problem.help(help).on_key(), &[]);
    }
    for (key, has) in [
        ("environment", instances.environment.contains_key("PORT")),
        ("secrets", instances.secrets.contains_key("PORT")),
    ] {
        if has {
            let problem = Problem::new(child(&at(key), "PORT"), "qfleet sets `PORT` itself");
            checks.note(problem.help("remove it, and set `port` of `web`").on_key(), &[]);
        }
    }
}

/// One subnet a zone, in two zones at least
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>).
fn subnets(checks: &mut Checks, web: &Web) {
    let (at_own, at_instances) = ("/web/subnets", format!("{INSTANCES}/subnets"));
    if web.subnets.is_some() && web.instances.vpc.is_none() {
        let problem = Problem::new(
            at_own,
            "`subnets` needs `vpc` in `instances`, which says where they are",
        );
        let help = "add `vpc` and `subnets` to `instances`, or remove these: the instances' are taken";
        checks.note(problem.help(help).on_key(), &[&format!("{INSTANCES}/vpc")]);
    }
    if let (None, Some([_])) = (&web.subnets, web.instances.subnets.as_deref()) {
        let problem = Problem::new(&at_instances, "a load balancer needs subnets in two zones");
        let help = "name one more, in another zone; or name the load balancer's own with `subnets` of `web`";
        checks.note(problem.help(help), &[at_own]);
    }
    checks.twice(at_own, web.subnets.as_deref().unwrap_or_default());
}

fn feeds(checks: &mut Checks, web: &Web) {
    let stages = &checks.environment.stages;
    for (i, name) in web.feeds.iter().enumerate() {
        if stages.iter().any(|stage| stage.name == *name) {
            continue;
        }
        let names = stages.iter().map(|stage| stage.name.as_str());
        let help = match (name.as_str(), nearest(name, names.clone())) {
            ("bucket", _) => {
                "where there is a bucket, the web tier may make upload links in any case: remove it".to_owned()
            }
            (_, Some(meant)) => format!("did you mean `{meant}`?"),
            (_, None) => {
                let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                format!("it can be {}", names.join(" or "))
            }
        };
        let follows: Vec<String> = (0..stages.len()).map(|i| format!("/stages/{i}/name")).collect();
        let follows: Vec<&str> = follows.iter().map(String::as_str).collect();
        let problem = Problem::new(format!("/web/feeds/{i}"), format!("there is no stage `{name}`"));
        checks.note(problem.help(help), &follows);
    }
    checks.twice("/web/feeds", &web.feeds);
}
