//! A template of the user's own, as it is in its file.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::Blueprint;
use super::lint::LONGEST_TEMPLATE;
use super::template::{self, Disposal, Unreadable, section};
use crate::environment::problem::{Problem, Problems, Source};
use crate::environment::{Environment, Extra};

/// One that could be read.
#[derive(Debug)]
pub(super) struct OwnTemplate {
    pub file: PathBuf,
    /// Byte for byte.
    pub body: String,
    pub template: Map<String, Json>,
}

/// The templates of an environment's extras, in the file's order.
///
/// # Errors
/// What is wrong with the paths of them all, or what is wrong in one of the files, on its line.
pub(super) fn read_all(environment: &Environment) -> Result<Vec<OwnTemplate>, Problems> {
    let texts = environment.extras.iter().enumerate().map(|(i, extra)| {
        let file = environment.template_file(extra);
        text_of(&file)
            .map(|body| (file, body))
            .map_err(|(message, help)| Problem::new(format!("/extras/{i}/template"), message).help(help))
    });
    let (texts, problems): (Vec<_>, Vec<_>) = texts.partition(Result::is_ok);
    let problems: Vec<Problem> = problems.into_iter().filter_map(Result::err).collect();
    if !problems.is_empty() {
        return Err(Problems::new(environment.source.clone(), problems));
    }
    texts
        .into_iter()
        .flatten()
        .map(|(file, body)| read(file, body))
        .collect()
}

fn read(file: PathBuf, body: String) -> Result<OwnTemplate, Problems> {
    let refuse = |problem: Problem| Problems::new(Arc::new(Source::plain(file.clone(), body.clone())), vec![problem]);
    let template = template::read_at(&body).map_err(|Unreadable { message, at }| {
        let at = at.unwrap_or_default();
        let help = "a template is YAML or JSON, as CloudFormation takes it";
        refuse(Problem::new("", message).help(help).on_bytes(at..at + 1))
    })?;
    if section(&template, "Resources").next().is_none() {
        let problem = Problem::new("", "the template has no `Resources`");
        return Err(refuse(
            problem.help("CloudFormation makes no stack without a resource: add one"),
        ));
    }
    Ok(OwnTemplate { file, body, template })
}

fn text_of(file: &Path) -> Result<String, (String, String)> {
    let shown = file.display();
    let refused = |what: String, help: &str| (what, help.to_owned());
    let metadata = fs::metadata(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => refused(
            format!("{shown} is not there"),
            "the path of a template is relative to the folder of this file",
        ),
        _ => refused(
            format!("{shown}: {error}"),
            "a template must be a file that you may read",
        ),
    })?;
    if !metadata.is_file() {
        return Err(refused(format!("{shown} is no file"), "name the template's file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|file| file.take(LONGEST_TEMPLATE as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            refused(
                format!("{shown}: {error}"),
                "a template must be a file that you may read",
            )
        })?;
    if bytes.len() > LONGEST_TEMPLATE {
        return Err(refused(
            format!(
                "{shown} has {} bytes, and CloudFormation takes {LONGEST_TEMPLATE}",
                metadata.len()
            ),
            "make several extras of it, each with a template of its own",
        ));
    }
    String::from_utf8(bytes).map_err(|_| refused(format!("{shown} is not UTF-8"), "save it as UTF-8"))
}

/// What CloudFormation wants to have acknowledged of a template
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>), beside macros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub roles: bool,
    pub names: bool,
}

/// The properties that name what IAM has.
const NAMES: [(&str, &str); 5] = [
    ("AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::User", "UserName"),
];

impl OwnTemplate {
    /// What a macro makes of it isn't known: it may be anything.
    pub fn acknowledged(&self) -> Acknowledged {
        let of_type = |resource: &Json| resource["Type"].as_str().unwrap_or_default().to_owned();
        let mut resources = section(&self.template, "Resources");
        let all = || section(&self.template, "Resources");
        let names = self.expands()
            || all().any(|(_, resource)| {
                let of_type = of_type(resource);
                let named = NAMES.iter().filter(|(known, _)| *known == of_type);
                named
                    .clone()
                    .any(|(_, property)| !resource["Properties"][property].is_null())
            });
        Acknowledged {
            roles: names || resources.any(|(_, resource)| of_type(resource).starts_with("AWS::IAM::")),
            names,
        }
    }

    /// Whether macros make something else of it.
    pub fn expands(&self) -> bool {
        self.template.contains_key("Transform")
            || self.body.contains("Fn::Transform")
            || self.body.contains("!Transform")
    }

    /// Nested stacks in it. What is in one is in no change set of the stack around it, and in no list of its resources: it
    /// could be replaced or deleted without a word.
    pub fn nested(&self) -> impl Iterator<Item = &str> {
        let resources = section(&self.template, "Resources");
        let nested = resources.filter(|(_, resource)| resource["Type"].as_str().is_some_and(is_nested));
        nested.map(|(id, _)| id.as_str())
    }
}

/// Whether resources of a type are stacks. The second one is the first, once it is expanded.
pub fn is_nested(resource_type: &str) -> bool {
    ["AWS::CloudFormation::Stack", "AWS::Serverless::Application"].contains(&resource_type)
}

/// Advice about the templates of an environment's extras: what `destroy` deletes that holds data, though nobody says so.
pub fn advise(environment: &Environment, blueprint: &Blueprint, holds_data: fn(&str, bool) -> bool) -> Vec<Problem> {
    let mut advice = Vec::new();
    for (i, extra) in environment.extras.iter().enumerate() {
        let stack = blueprint.stacks.iter().find(|stack| stack.part == extra.name);
        let template = stack
            .and_then(|stack| template::read(&stack.body).ok())
            .unwrap_or_default();
        let silent = section(&template, "Resources").filter(|(_, resource)| {
            let is_data = resource["Type"]
                .as_str()
                .is_some_and(|of_type| holds_data(of_type, true));
            is_data && resource["DeletionPolicy"].is_null() && template::disposal(resource) == Some(Disposal::Deleted)
        });
        let silent: Vec<&str> = silent.map(|(id, _)| id.as_str()).collect();
        if !environment.standby.is_empty() {
            advice.extend(twice(i, extra, &template, environment, holds_data));
        }
        if !silent.is_empty() {
            let its = if silent.len() == 1 { "its" } else { "their" };
            let message = format!(
                "`destroy` deletes {}, which this template makes, with all {its} data",
                silent.join(", ")
            );
            let help = "say in the template what is meant, with a `DeletionPolicy`: Delete, Retain, or Snapshot where there is one";
            advice.push(Problem::new(format!("/extras/{i}/template"), message).help(help));
        }
    }
    advice
}

/// Names that the whole account has one of, or everybody: by type, where in its properties.
const GLOBAL: [(&str, &str); 12] = [
    ("AWS::CloudFront::CachePolicy", "/CachePolicyConfig/Name"),
    ("AWS::CloudFront::Function", "/Name"),
    (
        "AWS::CloudFront::OriginAccessControl",
        "/OriginAccessControlConfig/Name",
    ),
    (
        "AWS::CloudFront::OriginRequestPolicy",
        "/OriginRequestPolicyConfig/Name",
    ),
    (
        "AWS::CloudFront::ResponseHeadersPolicy",
        "/ResponseHeadersPolicyConfig/Name",
    ),
    ("AWS::CloudWatch::Dashboard", "/DashboardName"),
    ("AWS::IAM::Group", "/GroupName"),
    ("AWS::IAM::InstanceProfile", "/InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "/ManagedPolicyName"),
    ("AWS::IAM::Role", "/RoleName"),
    ("AWS::IAM::User", "/UserName"),
    ("AWS::S3::Bucket", "/BucketName"),
];

/// What begins work by itself.
const BEGINNERS: [&str; 2] = ["AWS::Events::Rule", "AWS::Scheduler::Schedule"];

/// Of a template that is deployed to several regions.
fn twice(
    index: usize,
    extra: &Extra,
    template: &Map<String, Json>,
    environment: &Environment,
    holds_data: fn(&str, bool) -> bool,
) -> Vec<Problem> {
    let at = format!("/extras/{index}/template");
    let regions = environment.standby.join(" and ");
    let of_type = |wanted: &dyn Fn(&str) -> bool| {
        let resources = section(template, "Resources");
        let ids = resources.filter(|(_, resource)| resource["Type"].as_str().is_some_and(wanted));
        ids.map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut advice = Vec::new();
    let named = section(template, "Resources").filter(|(_, resource)| {
        let place = GLOBAL.iter().find(|(of_type, _)| resource["Type"] == *of_type);
        place.is_some_and(|(_, place)| resource["Properties"].pointer(place).is_some_and(Json::is_string))
    });
    let named: Vec<&str> = named.map(|(id, _)| id.as_str()).collect();
    if !named.is_empty() {
        let message = format!(
            "in {regions}, the names of {} are taken: no two regions can have them",
            named.join(", ")
        );
        advice.push(
            Problem::new(&at, message).help("leave the names out, or put the region in: `!Sub \"…-${AWS::Region}\"`"),
        );
    }
    let data = of_type(&|of_type| holds_data(of_type, true));
    if !data.is_empty() {
        let message = format!("{regions} gets {data} of `{}`, too: empty, and billed", extra.name);
        advice.push(
            Problem::new(&at, message)
                .help("nothing copies what is in them: have it copied yourself, or accept that it stays where it is"),
        );
    }
    let beginners = of_type(&|of_type| BEGINNERS.contains(&of_type));
    if !beginners.is_empty() {
        let message = format!(
            "{beginners} of `{}` begins its work in {regions}, too, where the environment stands by",
            extra.name
        );
        advice.push(
            Problem::new(&at, message).help(
                "fine if it may be done twice; else give its `State` a parameter, or make it a schedule of a stage",
            ),
        );
    }
    advice
}

/// How an extra is called in messages.
pub(super) fn label(extra: &Extra) -> String {
    format!("the template {}", extra.template)
}
