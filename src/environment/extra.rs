//! A template of the user's own, deployed beside qfleet's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::given::{Given, Text, text};
use super::{Environment, Instances, Lambda, Network, Secret, patterns};

/// A CloudFormation template of your own, deployed, watched and destroyed with the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// The name of its part: its stack is called `<environment>-<name>`.
    #[schemars(regex(pattern = patterns::NAME), length(min = 1, max = 20), example = &"db")]
    pub name: String,
    /// The template, JSON or YAML; relative to this file. It is sent as it is.
    #[schemars(regex(pattern = patterns::SOMETHING), length(max = 1000), example = &"db.yaml")]
    pub template: String,
    /// The parts that come before it: stages, other extras, `web`, `network`, `intake`, `results`, `alerts`, `artifacts`. A
    /// parameter that is named like one of their outputs gets it. `network` is where the instances run: `VpcId` and
    /// `SubnetIds`.
    #[schemars(length(max = 40), inner(regex(pattern = patterns::NAME)), example = ["network"])]
    #[serde(default)]
    pub needs: Vec<String>,
    /// Outputs of the template that others may use, as `${db.Endpoint}` in `environment`, `secrets` and `parameters`, or
    /// `db.SecurityGroupId` in `security_groups`.
    #[schemars(length(max = 60), inner(regex(pattern = patterns::OUTPUT), length(max = 255)), example = ["SecurityGroupId"])]
    #[serde(default)]
    pub gives: Vec<String>,
    /// Values of the template's other parameters: text, or an output of another part as a whole value, such as
    /// `${move.QueueUrl}`. No secrets: they can be read in the stack.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// A part whose stack may need those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    /// By index in the file.
    Extra(usize),
    Stage(usize),
    Web,
}

/// Where an environment's instances run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place<'a> {
    /// In a VPC of the environment's own.
    Created,
    /// In the default VPC; so are functions alone.
    DefaultVpc,
    Named {
        vpc: &'a str,
        subnets: &'a [String],
    },
    /// Not all in one.
    Several,
}

impl Environment {
    pub fn extra(&self, name: &str) -> Option<&Extra> {
        self.extras.iter().find(|extra| extra.name == name)
    }

    /// The file of a template, which the file names relative to itself.
    pub fn template_file(&self, extra: &Extra) -> PathBuf {
        self.beside_the_file(&extra.template)
    }

    /// What a value of `environment` says. Only in a file with extras, `${…}` means something: elsewhere it's the program's.
    pub fn text<'a>(&self, value: &'a str) -> Text<'a> {
        match self.extras.is_empty() {
            true => Text::Plain(value.into()),
            false => text(value),
        }
    }

    /// What instances use of what extras give, each once and in order.
    pub fn used_by_instances<'a>(&self, instances: &'a Instances) -> Vec<Given<'a>> {
        let groups = instances.security_groups.iter();
        let groups = groups.filter_map(|group| Given::read(group));
        let values = self.used_in(&instances.environment, &instances.secrets);
        sorted(values.into_iter().chain(groups))
    }

    /// The same of a function.
    pub fn used_by_function<'a>(&self, lambda: &'a Lambda) -> Vec<Given<'a>> {
        sorted(self.used_in(&lambda.environment, &lambda.secrets))
    }

    /// What a stage's workers use, of both kinds.
    pub fn used_by_stage(&self, stage: usize) -> Vec<Given<'_>> {
        let workers = &self.stages[stage].workers;
        let instances = workers.instances.iter();
        let lambda = workers.lambda.iter();
        let instances = instances.flat_map(|instances| self.used_by_instances(instances));
        sorted(instances.chain(lambda.flat_map(|lambda| self.used_by_function(lambda))))
    }

    fn used_in<'a>(
        &self,
        variables: &'a BTreeMap<String, String>,
        secrets: &'a BTreeMap<String, Secret>,
    ) -> Vec<Given<'a>> {
        let variables = variables.values().filter_map(|value| match self.text(value) {
            Text::Given(given) => Some(given),
            Text::Plain(_) => None,
        });
        let secrets = secrets.values().filter_map(|secret| Given::whole(&secret.0));
        variables.chain(secrets).collect()
    }

    /// Where the instances run: what an extra gets that needs the `network`.
    pub fn place(&self) -> Place<'_> {
        let mut places: Vec<Place<'_>> = self.instances().map(|(_, instances)| of(instances)).collect();
        places.dedup();
        match places.as_slice() {
            _ if places.contains(&Place::Created) => Place::Created,
            [] => Place::DefaultVpc,
            [one] => one.clone(),
            _ => Place::Several,
        }
    }

    /// Every part that may need others.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        let extras = (0..self.extras.len()).map(Node::Extra);
        let stages = (0..self.stages.len()).map(Node::Stage);
        extras
            .chain(stages)
            .chain(self.web.iter().map(|_| Node::Web).collect::<Vec<_>>())
    }

    pub fn node_name(&self, node: Node) -> &str {
        match node {
            Node::Extra(index) => &self.extras[index].name,
            Node::Stage(index) => &self.stages[index].name,
            Node::Web => "web",
        }
    }

    /// The names of the parts that one needs, whether or not they are there.
    pub fn needs(&self, node: Node) -> Vec<&str> {
        let used = |used: Vec<Given<'_>>| -> Vec<String> { used.iter().map(|given| given.part.to_owned()).collect() };
        let parts = |names: Vec<String>| -> Vec<&str> {
            let known = self.nodes().map(|node| self.node_name(node));
            known.filter(|known| names.iter().any(|name| name == known)).collect()
        };
        match node {
            Node::Extra(index) => {
                let extra = &self.extras[index];
                let given = extra.parameters.values().filter_map(|value| match text(value) {
                    Text::Given(given) => Some(given.part),
                    Text::Plain(_) => None,
                });
                extra.needs.iter().map(String::as_str).chain(given).collect()
            }
            Node::Stage(index) => {
                let name = self.stages[index].name.as_str();
                let fed = self.stages.iter().filter(|stage| stage.from.as_deref() == Some(name));
                let fed = fed.map(|stage| stage.name.as_str()).filter(|fed| *fed != name);
                fed.chain(parts(used(self.used_by_stage(index)))).collect()
            }
            Node::Web => {
                let Some(web) = &self.web else { return Vec::new() };
                let feeds = web.feeds.iter().map(String::as_str);
                feeds
                    .chain(parts(used(self.used_by_instances(&web.instances))))
                    .collect()
            }
        }
    }

    /// An order in which each comes after what it needs: otherwise extras first, and all as in the file.
    ///
    /// # Errors
    /// Those that need each other in a circle, and what needs them.
    pub fn in_order(&self) -> Result<Vec<Node>, Vec<Node>> {
        let mut left: Vec<Node> = self.nodes().collect();
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let waits_for = |name: &str| left.iter().any(|node| self.node_name(*node) == name);
            let ready = left
                .iter()
                .position(|node| !self.needs(*node).into_iter().any(waits_for));
            match ready {
                Some(position) => order.push(left.remove(position)),
                None => return Err(left),
            }
        }
        Ok(order)
    }
}

fn of(instances: &Instances) -> Place<'_> {
    match (&instances.network, &instances.vpc, &instances.subnets) {
        (Some(Network::Create), ..) => Place::Created,
        (None, Some(vpc), Some(subnets)) => Place::Named { vpc, subnets },
        _ => Place::DefaultVpc,
    }
}

fn sorted<'a>(given: impl IntoIterator<Item = Given<'a>>) -> Vec<Given<'a>> {
    let mut given: Vec<Given<'a>> = given.into_iter().collect();
    given.sort_unstable();
    given.dedup();
    given
}
