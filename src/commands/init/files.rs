//! The files that `init` writes.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use super::answers::{Answers, Kind, Pipeline, Source};
use crate::error::{Error, Result};

/// A file to write: its path in the folder, its text, whether it's a program. `@NAME@` in the text is the environment's:
/// no text has that for another reason.
struct File {
    path: &'static str,
    text: &'static str,
    executable: bool,
}

const NAME: &str = "@NAME@";

macro_rules! text {
    ($source:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/init/", $source))
    };
}

const fn program(path: &'static str, text: &'static str) -> File {
    File {
        path,
        text,
        executable: true,
    }
}

const fn text(path: &'static str, text: &'static str) -> File {
    File {
        path,
        text,
        executable: false,
    }
}

/// Everything but the environment file.
fn beside(answers: &Answers) -> Vec<File> {
    let mut files = match answers.workers {
        Kind::Instances => vec![
            program("worker/run", text!("worker/run")),
            program("worker/install", text!("worker/install")),
            text("worker/worker.py", text!("worker/worker.py")),
            text("worker/requirements.txt", text!("worker/requirements.txt")),
        ],
        Kind::Lambda => vec![text("worker/handler.py", text!("function/handler.py"))],
    };
    files.push(match answers.from {
        Source::NewBucket | Source::ExistingBucket => text("worker/work.py", text!("worker/work.py")),
        Source::Messages => text("worker/work.py", text!("messages/work.py")),
    });
    let pipeline = match answers.pipeline {
        Pipeline::Github => Some(text!("pipelines/github.yaml")),
        Pipeline::Gitlab => Some(text!("pipelines/gitlab.yaml")),
        Pipeline::Codebuild => Some(text!("pipelines/codebuild.yaml")),
        Pipeline::None => None,
    };
    files.push(text(".gitignore", text!("gitignore")));
    files.extend(answers.pipeline.file().zip(pipeline).map(|(path, of)| text(path, of)));
    files
}

/// The first lines of a pipeline for a lab: it would go on deploying what may be destroyed meanwhile.
fn lab_note(answers: &Answers) -> String {
    answers.lab_with_pipeline().map_or(String::new(), |lifetime| {
        format!(
            "# {name} is a lab: {lifetime} after its first deploy it has expired, and `qfleet reap` may destroy it; the next run \
             of this\n# pipeline would deploy it anew. For what stays, put `protect: true` in place of `lifetime` into \
             stacks/{name}.yaml.\n#\n",
            name = answers.name
        )
    })
}

/// Where the environment file goes, in the folder.
pub fn path_of(answers: &Answers) -> String {
    format!("stacks/{}.yaml", answers.name)
}

/// The environment file.
///
/// # Errors
/// None, unless the template is wrong.
pub fn environment(answers: &Answers) -> Result<String> {
    let mut templates = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    match syntax.build() {
        Ok(syntax) => templates.set_syntax(syntax),
        Err(error) => return Err(unwritten(&error)),
    }
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| AutoEscape::None);
    templates.add_filter("scalar", |value: String| scalar(&value));
    let values = context! {
        name => &answers.name,
        region => &answers.region,
        workers => answers.workers.word(),
        source => answers.from.word(),
        bucket => &answers.bucket,
        protect => answers.lifetime.is_none(),
        lifetime => answers.lifetime.map(|lifetime| lifetime.to_string()),
        max => answers.max,
        alerts => &answers.alerts,
    };
    let written = templates.render_str(text!("environment.yaml"), values);
    written.map_err(|error| unwritten(&error))
}

fn unwritten(error: &minijinja::Error) -> Error {
    Error::failed(format!("the environment file can't be written: {error}"))
}

/// A text as YAML reads it back: quoted, unless it is a word that can be nothing but text.
fn scalar(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '@' | '_' | '+');
    // Numbers, and the words that YAML 1.1 or 1.2 take for something else.
    let means_more = text.parse::<f64>().is_ok()
        || text.starts_with("0x")
        || text.starts_with("0o")
        || ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    match begins && text.chars().all(is_plain) && !means_more {
        true => text.to_owned(),
        // JSON is YAML.
        false => serde_json::Value::from(text).to_string(),
    }
}

/// Writes what isn't there. Returns each path with whether it was written.
///
/// # Errors
/// When a file can't be written.
pub fn write(folder: &Path, answers: &Answers) -> Result<Vec<(PathBuf, bool)>> {
    let mut files = Vec::new();
    let mut put = |path: &str, text: &str, executable: bool| {
        let path = folder.join(path);
        let written = write_one(&path, text, executable)?;
        files.push((path, written));
        Ok::<_, Error>(())
    };
    put(&path_of(answers), &environment(answers)?, false)?;
    for file in beside(answers) {
        let text = file.text.replace(NAME, &answers.name);
        let text = match Some(file.path) == answers.pipeline.file() {
            true => lab_note(answers) + &text,
            false => text,
        };
        put(file.path, &text, file.executable)?;
    }
    Ok(files)
}

/// Writes a file that isn't there. Returns whether it wasn't.
fn write_one(path: &Path, text: &str, executable: bool) -> Result<bool> {
    use std::os::unix::fs::OpenOptionsExt;

    let cannot = |error| {
        Error::failed(format!("cannot write {}: {error}", path.display()))
            .with_help("name a folder that you may write to: qfleet init FOLDER; what was written before stays")
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    // The system decides whether it's there, in the same step as it makes it: a link that leads nowhere counts, too.
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if executable { 0o777 } else { 0o666 })
        .open(path);
    match opened {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(cannot).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(cannot(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_it_was_given() {
        for name in [
            "lab",
            "null",
            "no",
            "y",
            "on",
            "true",
            "1e3",
            "0x1f",
            "123456",
            "a.b",
            "us-east-2",
            "8h",
            "1h 30m",
            "ops+1@example.com",
            "a: b",
            "#",
            "-a",
            "it's",
            "\"",
            "nan",
            "inf",
        ] {
            let document = format!("key: {}\n", scalar(name));
            let read: serde_yaml::Value = serde_yaml::from_str(&document).expect("YAML");
            assert_eq!(read["key"].as_str(), Some(name), "{document}");
        }
    }
}
