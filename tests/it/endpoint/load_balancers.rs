//! Elastic Load Balancing: the load balancers, target groups and listeners of stacks, and the health of targets as a script
//! says it. The query protocol, version 2015-12-01
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Operations.html>).

use super::model::Model;
use super::query::{Input, Refusal};
use super::script::Script;
use super::state::Resource;
use super::world::World;
use super::xml::Fields;

const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";

/// A target of a target group.
#[derive(Debug, Clone)]
pub struct ScriptedTarget {
    id: String,
    state: String,
    reason: Option<String>,
    description: Option<String>,
}

impl Script {
    /// A load balancer of this name from the beginning on, in no stack.
    pub fn balancer(mut self, name: &str) -> Self {
        self.balancers.push(name.to_owned());
        self
    }

    /// A target group's targets, in no stack or in one: `id state`, or `id state reason description…`.
    pub fn targets(mut self, target_group: &str, targets: &[&str]) -> Self {
        let read = |text: &&str| {
            let mut words = text.splitn(4, ' ').map(str::to_owned);
            ScriptedTarget {
                id: words.next().expect("an id"),
                state: words.next().expect("a state"),
                reason: words.next(),
                description: words.next(),
            }
        };
        let targets = targets.iter().map(read).collect();
        self.targets.insert(target_group.to_owned(), targets);
        self
    }
}

type Answer = Result<Fields, Refusal>;

impl World {
    pub(super) fn load_balancing(&mut self, action: &str, input: &Input) -> Answer {
        let model = Model::of("elbv2/2015-12-01");
        let wrong = model.complaints(action, input);
        if !wrong.is_empty() || !model.knows(action) {
            self.complaints.push(format!("{action}: {}", wrong.join("; ")));
            return Err(Refusal::new(400, "ValidationError", wrong.join("; ")));
        }
        match action {
            "DescribeLoadBalancers" => self.describe_balancers(input),
            "DescribeTargetGroups" => self.describe_target_groups(input),
            "DescribeListeners" => self.describe_listeners(input),
            "DescribeTargetHealth" => self.describe_target_health(input),
            "DeregisterTargets" => self.deregister_targets(input),
            _ => {
                self.complaints.push(format!("{action}: the endpoint doesn't know it"));
                let message = format!("Could not find operation {action} for version 2015-12-01");
                Err(Refusal::new(400, "InvalidAction", message))
            }
        }
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        let stacks = self.stacks.iter().filter(|stack| stack.is_there());
        let resources = stacks.flat_map(|stack| &stack.resources);
        resources.filter(move |one| one.kind == kind && one.physical_id.is_some())
    }

    fn is_known(&self, kind: &str, id: &str) -> bool {
        let mut own = self.of_type(kind);
        own.any(|one| one.physical_id.as_deref() == Some(id)) || self.is_left(kind, id)
    }

    /// By name or by ARN: `arn:…:loadbalancer/app/name/id`.
    fn has_balancer(&self, wanted: &str) -> bool {
        let name = |id: &str| id.rsplit('/').nth(1).unwrap_or(id).to_owned();
        let mut own = self.of_type(BALANCER).filter_map(|one| one.physical_id.as_deref());
        self.script.balancers.iter().any(|known| *known == name(wanted))
            || own.any(|id| id == wanted || name(id) == wanted)
            || self.is_left(BALANCER, wanted)
    }

    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html>: "The specified
    /// load balancer does not exist", 400, of any that is asked for and isn't there.
    fn describe_balancers(&mut self, input: &Input) -> Answer {
        let mut found = Vec::new();
        for wanted in [input.texts("LoadBalancerArns"), input.texts("Names")].concat() {
            if !self.has_balancer(&wanted) {
                let message = format!("Load balancers '[{wanted}]' not found");
                return Err(Refusal::new(400, "LoadBalancerNotFound", message));
            }
            let name = wanted.rsplit('/').nth(1).unwrap_or(&wanted).to_owned();
            let arn = match wanted.starts_with("arn:") {
                true => wanted,
                false => self.arn(
                    "elasticloadbalancing",
                    &format!("loadbalancer/app/{name}/50dc6c495c0c9188"),
                ),
            };
            found.push(
                Fields::new()
                    .text("LoadBalancerArn", arn)
                    .text("LoadBalancerName", name)
                    .text("Scheme", "internet-facing")
                    .text("Type", "application")
                    .fields("State", Fields::new().text("Code", "active")),
            );
        }
        Ok(Fields::new().members("LoadBalancers", found))
    }

    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroups.html>
    fn describe_target_groups(&mut self, input: &Input) -> Answer {
        let mut found = Vec::new();
        for arn in input.texts("TargetGroupArns") {
            self.target_group(&arn)?;
            found.push(
                Fields::new()
                    .text("TargetGroupArn", &arn)
                    .text("TargetType", "instance"),
            );
        }
        Ok(Fields::new().members("TargetGroups", found))
    }

    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListeners.html>
    fn describe_listeners(&mut self, input: &Input) -> Answer {
        let mut found = Vec::new();
        for arn in input.texts("ListenerArns") {
            if !self.is_known(LISTENER, &arn) {
                let message = format!("One or more listeners not found: {arn}");
                return Err(Refusal::new(400, "ListenerNotFound", message));
            }
            found.push(Fields::new().text("ListenerArn", &arn));
        }
        Ok(Fields::new().members("Listeners", found))
    }

    /// "The specified target group does not exist", 400.
    fn target_group(&self, arn: &str) -> Result<(), Refusal> {
        match self.script.targets.contains_key(arn) || self.is_known(TARGET_GROUP, arn) {
            true => Ok(()),
            false => Err(Refusal::new(
                400,
                "TargetGroupNotFound",
                "One or more target groups not found",
            )),
        }
    }

    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html>; a target that isn't
    /// registered and is asked for is `unused` with `Target.NotRegistered`, as API_TargetHealth says.
    fn describe_target_health(&mut self, input: &Input) -> Answer {
        let arn = input.text("TargetGroupArn").unwrap_or_default();
        self.target_group(arn)?;
        let all = self.script.targets.get(arn).cloned().unwrap_or_default();
        let wanted = input.members("Targets");
        let wanted: Vec<&str> = wanted.iter().filter_map(|target| target.text("Id")).collect();
        let missing = wanted.iter().filter(|id| !all.iter().any(|target| target.id == **id));
        let missing = missing.map(|id| ScriptedTarget {
            id: (*id).to_owned(),
            state: "unused".into(),
            reason: Some("Target.NotRegistered".into()),
            description: Some("Target is not registered to the target group".into()),
        });
        let shown = all
            .iter()
            .filter(|target| wanted.is_empty() || wanted.contains(&target.id.as_str()))
            .cloned()
            .chain(missing);
        let described = shown.map(|target| {
            let health = Fields::new()
                .text("State", target.state)
                .maybe("Reason", target.reason)
                .maybe("Description", target.description);
            Fields::new()
                .text("HealthCheckPort", 8080)
                .fields("TargetHealth", health)
                .fields("Target", Fields::new().text("Id", target.id).text("Port", 8080))
        });
        Ok(Fields::new().members("TargetHealthDescriptions", described.collect::<Vec<_>>()))
    }

    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html>: from then on it
    /// drains; "if the specified target does not exist, the action returns successfully".
    fn deregister_targets(&mut self, input: &Input) -> Answer {
        let arn = input.text("TargetGroupArn").unwrap_or_default().to_owned();
        self.target_group(&arn)?;
        for gone in input.members("Targets") {
            let targets = self.script.targets.entry(arn.clone()).or_default().iter_mut();
            for target in targets.filter(|target| gone.text("Id") == Some(&target.id)) {
                target.state = "draining".into();
                target.reason = Some("Target.DeregistrationInProgress".into());
                target.description = Some("Target deregistration is in progress".into());
            }
        }
        Ok(Fields::new())
    }
}
