//! What `init` is told, by options or by answers.

use std::path::Path;

use clap::ValueEnum;

use crate::environment::units::Duration;
use crate::shell;

/// How long a lab lives, unless it is told.
pub const LIFETIME: Duration = Duration::hours(8);

/// Everything that decides what is written.
#[derive(Debug, Clone)]
pub struct Answers {
    pub name: String,
    /// None leaves it to what the AWS CLI would use.
    pub region: Option<String>,
    pub workers: Kind,
    pub from: Source,
    /// The bucket that is there already.
    pub bucket: Option<String>,
    /// Of a lab; none for what stays.
    pub lifetime: Option<Duration>,
    /// Instances, or runs of a function.
    pub max: u32,
    pub pipeline: Pipeline,
    pub alerts: Option<String>,
}

/// What does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Instances,
    Lambda,
}

/// Where work comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    NewBucket,
    ExistingBucket,
    Messages,
}

/// What deploys what lands in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pipeline {
    Github,
    Gitlab,
    Codebuild,
    None,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Instances, Kind::Lambda];

    pub fn word(self) -> &'static str {
        match self {
            Kind::Instances => "instances",
            Kind::Lambda => "lambda",
        }
    }

    /// How many there are at most, unless it is told.
    pub fn max(self) -> u32 {
        match self {
            Kind::Instances => 4,
            Kind::Lambda => 10,
        }
    }
}

impl Source {
    pub const ALL: [Source; 3] = [Source::NewBucket, Source::ExistingBucket, Source::Messages];

    pub fn word(self) -> &'static str {
        match self {
            Source::NewBucket => "new-bucket",
            Source::ExistingBucket => "existing-bucket",
            Source::Messages => "messages",
        }
    }
}

impl Pipeline {
    pub const ALL: [Pipeline; 4] = [Pipeline::Github, Pipeline::Gitlab, Pipeline::Codebuild, Pipeline::None];

    pub fn word(self) -> &'static str {
        match self {
            Pipeline::Github => "github",
            Pipeline::Gitlab => "gitlab",
            Pipeline::Codebuild => "codebuild",
            Pipeline::None => "none",
        }
    }

    /// Where the file stands that it reads.
    pub fn file(self) -> Option<&'static str> {
        match self {
            Pipeline::Github => Some(".github/workflows/qfleet.yaml"),
            Pipeline::Gitlab => Some(".gitlab-ci.yml"),
            Pipeline::Codebuild => Some("buildspec.yaml"),
            Pipeline::None => None,
        }
    }
}

impl Pipeline {
    /// How an environment comes into it where another one's pipeline is there already.
    pub fn takes_another(self, name: &str) -> String {
        match self {
            Pipeline::Github => format!(
                "Copy it as .github/workflows/qfleet-{name}.yaml, and in the copy put {name} wherever this one names its environment."
            ),
            Pipeline::Gitlab => format!(
                "In it, copy the jobs `plan`, `deploy` and `deployed` under other names, which need each other in the same way. Give \
                 each copy `variables: {{ENVIRONMENT: stacks/{name}.yaml}}`, and that of `deploy` {name} as its environment and \
                 qfleet-{name} as its resource group."
            ),
            Pipeline::Codebuild => format!(
                "Make another pipeline, whose projects have the environment variable ENVIRONMENT = stacks/{name}.yaml: it counts more \
                 than the file's."
            ),
            Pipeline::None => String::new(),
        }
    }
}

impl Answers {
    /// Whether a bucket is meant that is there, and nobody has said which.
    pub fn lack_a_bucket(&self) -> bool {
        self.from == Source::ExistingBucket && self.bucket.is_none()
    }

    /// Whether a pipeline is written for a lab, which expires.
    pub fn lab_with_pipeline(&self) -> Option<Duration> {
        self.lifetime.filter(|_| self.pipeline != Pipeline::None)
    }

    /// The command that writes the same, without a question.
    pub fn command(&self, folder: &Path) -> String {
        let mut words = vec!["qfleet".to_owned(), "init".to_owned()];
        if folder != Path::new(".") {
            words.push(shell::word(&folder.to_string_lossy()));
        }
        let mut say = |option: &str, value: &str| words.push(format!("{option} {}", shell::word(value)));
        say("--name", &self.name);
        if let Some(region) = &self.region {
            say("--region", region);
        }
        say("--workers", self.workers.word());
        say("--from", self.from.word());
        if let Some(bucket) = &self.bucket {
            say("--bucket", bucket);
        }
        if let Some(lifetime) = self.lifetime {
            say("--lifetime", &lifetime.to_string());
        }
        say("--max", &self.max.to_string());
        say("--pipeline", self.pipeline.word());
        if let Some(alerts) = &self.alerts {
            say("--alerts", alerts);
        }
        if self.lifetime.is_none() {
            words.push("--protect".to_owned());
        }
        words.join(" ")
    }
}
