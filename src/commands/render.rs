//! `qfleet render ENV [--out DIR]`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::global::Env;
use super::{Global, placement};
use crate::blueprint::{self, Blueprint};
use crate::error::{Error, Result};
use crate::report;
use crate::report::form::Output;

/// Arguments of `render`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qfleet render lab                          all templates of stacks/lab.yaml, to read
  qfleet render lab --out build              one file a stack, for other tools
  qfleet render lab --output json | jq '.stacks[].name'

Reads no AWS configuration and makes no calls: the same file always gives the same bytes. They are the
bytes that `qfleet deploy` sends.")]
pub struct Render {
    #[command(flatten)]
    env: Env,
    /// Write one template a stack into this folder, with its parameters beside it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Account for the names of buckets, when the file names none
    #[arg(long, value_name = "ID", value_parser = placement::account_id)]
    account: Option<String>,
}

impl Render {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load_and_build(global)?;
        let offline = placement::offline(&environment, global, self.account)?;
        let blueprint = blueprint::render(&environment, &offline.placement)?;
        report::render::notes(&offline.notes);
        if let Some(folder) = &self.out {
            report::render::files(&write(&blueprint, folder)?);
        }
        match (global.output, &self.out) {
            (Output::Text, Some(_)) => {}
            (Output::Text, None) => report::render::text(&blueprint),
            (Output::Json, _) => report::render::json(&blueprint),
            (Output::Jsonl, _) => report::render::jsonl(&blueprint),
        }
        Ok(())
    }
}

/// Writes what the blueprint holds. Other files in the folder are left alone.
fn write(blueprint: &Blueprint, folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |path: &Path, error: std::io::Error| {
        Error::failed(format!("cannot write {}: {error}", path.display()))
            .with_help("name a folder that you may write to, with --out")
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut written = Vec::new();
    for stack in &blueprint.stacks {
        let parameters = serde_json::to_string_pretty(&stack.parameters)
            .map_err(|error| Error::failed(format!("parameters of {}: {error}", stack.name)))?;
        for (path, content) in [
            (folder.join(format!("{}.yaml", stack.name)), &stack.body),
            (
                folder.join(format!("{}.parameters.json", stack.name)),
                &(parameters + "\n"),
            ),
        ] {
            fs::write(&path, content).map_err(|error| failed(&path, error))?;
            written.push(path);
        }
    }
    Ok(written)
}
