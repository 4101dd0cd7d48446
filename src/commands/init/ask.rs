//! The questions of `init`.

use tokio::task::spawn_blocking;

use super::answers::{Answers, Kind, LIFETIME, Pipeline, Source};
use super::wrong::wrong;
use crate::commands::name_option::environment_name;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::report::ask::{self, Choice};

/// Asks everything, with `defaults` to be taken by Enter.
///
/// # Errors
/// Interrupted, by a signal or the key for it.
pub async fn all(interrupt: &Interrupt, defaults: Answers) -> Result<Answers> {
    asked(interrupt, || questions(defaults)).await
}

/// Asks only for the bucket that is there, which has no default.
///
/// # Errors
/// As [`all`].
pub async fn bucket(interrupt: &Interrupt, answers: Answers) -> Result<Answers> {
    asked(interrupt, || {
        let bucket = which_bucket(&answers)?;
        Ok(Answers {
            bucket: Some(bucket),
            ..answers
        })
    })
    .await
}

async fn asked(interrupt: &Interrupt, questions: impl FnOnce() -> Result<Answers> + Send + 'static) -> Result<Answers> {
    let mut questions = spawn_blocking(questions);
    let answers = tokio::select! {
        answers = &mut questions => answers.unwrap_or_else(|error| Err(Error::failed(error.to_string()))),
        stop = interrupt.stopped() => {
            // The thread waits for a key for as long as the process lives.
            ask::leave();
            Err(stop)
        }
    };
    answers.inspect_err(|error| {
        if matches!(error, Error::Interrupted) {
            crate::report::note("nothing was written");
        }
    })
}

fn which_bucket(answers: &Answers) -> Result<String> {
    ask::text(
        "Name of the bucket",
        "",
        fits(answers, |with, text| with.bucket = some(text)),
    )
}

fn questions(defaults: Answers) -> Result<Answers> {
    crate::report::note("Enter takes what stands in brackets. Ctrl-C ends it, and nothing is written.\n");
    let named = fits(&defaults, |with, text| with.name = text.to_owned());
    let name = ask::text(
        "Name of the environment, the first part of everything it makes",
        &defaults.name,
        move |text| environment_name(text).and_then(|name| named(&name)),
    )?;
    let region = ask::text(
        match defaults.region {
            Some(_) => "Region",
            None => "Region, or nothing for the one that the AWS CLI would use",
        },
        defaults.region.as_deref().unwrap_or_default(),
        fits(&defaults, |with, text| with.region = some(text)),
    )?;
    let workers = Kind::ALL[ask::choose(
        "What does the work?",
        &Kind::ALL.map(|kind| Choice {
            word: kind.word(),
            means: match kind {
                Kind::Instances => "EC2 instances: any program, for any time",
                Kind::Lambda => "a Lambda function: short work in bursts, up to 15 minutes",
            },
        }),
    )?];
    let from = Source::ALL[ask::choose(
        "Where does the work come from?",
        &Source::ALL.map(|from| Choice {
            word: from.word(),
            means: match from {
                Source::NewBucket => "files, in a bucket that is made for them",
                Source::ExistingBucket => "files, in a bucket that is there already",
                Source::Messages => "no files: programs send messages to the queue",
            },
        }),
    )?];
    let bucket = match from {
        Source::ExistingBucket => {
            let with_bucket = Answers {
                from,
                ..defaults.clone()
            };
            which_bucket(&with_bucket)?
        }
        Source::NewBucket | Source::Messages => String::new(),
    };
    let stays = ask::choose(
        "How long is it there?",
        &[
            Choice {
                word: "lab",
                means: "for eight hours; then it has expired, and may be destroyed",
            },
            Choice {
                word: "stays",
                means: "until it is taken down: protected from being deleted",
            },
        ],
    )? == 1;
    // In a lab somebody looks.
    let alerts = match stays {
        true => some(&ask::text(
            "Address that gets a mail when something is wrong, or nothing for nobody",
            defaults.alerts.as_deref().unwrap_or_default(),
            fits(&defaults, |with, text| with.alerts = some(text)),
        )?),
        false => defaults.alerts.clone(),
    };
    let least = if workers == Kind::Lambda { 2 } else { 1 };
    let max = ask::text(
        match workers {
            Kind::Instances => "Instances at most",
            Kind::Lambda => "Runs of the function at the same time, at most",
        },
        &workers.max().to_string(),
        move |text| match text.parse::<u32>() {
            Ok(number) if (least..=1000).contains(&number) => Ok(()),
            _ => Err(format!("it must be a number from {least} to 1000")),
        },
    )?;
    let pipeline = Pipeline::ALL[ask::choose(
        "Which pipeline is to deploy it?",
        &Pipeline::ALL.map(|pipeline| Choice {
            word: pipeline.word(),
            means: match pipeline {
                Pipeline::Github => "GitHub Actions",
                Pipeline::Gitlab => "GitLab CI",
                Pipeline::Codebuild => "AWS CodeBuild and CodePipeline",
                Pipeline::None => "none: it is deployed by hand",
            },
        }),
    )?];
    Ok(Answers {
        name,
        region: some(&region),
        workers,
        from,
        bucket: some(&bucket),
        lifetime: (!stays).then_some(LIFETIME),
        // Checked above.
        max: max.parse().unwrap_or(workers.max()),
        pipeline,
        alerts,
    })
}

/// Checks an answer as the environment file would be checked that has it.
fn fits(answers: &Answers, put: fn(&mut Answers, &str)) -> impl Fn(&str) -> std::result::Result<(), String> {
    move |text| {
        let mut with = answers.clone();
        put(&mut with, text);
        match wrong(&with) {
            Ok(None) => Ok(()),
            Ok(Some(wrong)) => Err(wrong.message),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
