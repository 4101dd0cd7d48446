//! The program of a function: a zip with its dependencies in it.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::files::{self, File, Found};
use super::{Program, Recipe, build, hexadecimal};
use crate::environment::Lambda;
use crate::environment::problem::Problem;

/// The most that a function may hold, unzipped. The zip comes from S3, for which there is no limit of its own
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const UNZIPPED: u64 = 262_144_000;

const A_HANDLER: &str = "a handler is the path of a file in the program's folder, and a function in that file";

/// The name of a file in the zip, and whether it is executable.
type Packed = (String, bool);

impl Recipe<'_> {
    /// Packs the program. With a `build`, what that made of it, which is kept; `tell` hears of it before it is run.
    ///
    /// # Errors
    /// A runtime that Lambda doesn't know, everything about the folder that is wrong, and a build that fails.
    pub fn pack(&self, tell: impl FnOnce(&Path)) -> Result<Program, Vec<Problem>> {
        // Nothing is built for one that isn't.
        self.has_a_runtime().map_err(|problem| vec![problem])?;
        let archive = self.archive(build::cache().as_deref(), tell)?;
        Ok(Program {
            hash: hexadecimal(Sha256::digest(&archive)),
            archive,
        })
    }

    fn archive(&self, cache: Option<&Path>, tell: impl FnOnce(&Path)) -> Result<Vec<u8>, Vec<Problem>> {
        let pointer = format!("{}/program", self.pointer);
        let one = |problem: Problem| vec![problem];
        let what = "a function's program is a folder with its code in it";
        let source = files::read(&self.folder, &pointer, what).map_err(one)?;
        let Some(script) = source.file(build::SCRIPT) else {
            return self.zip(source, &pointer);
        };
        if !script.executable {
            let path = script.path.display();
            let problem = Problem::new(&pointer, format!("{path} is not executable"));
            return Err(one(problem.help(format!("chmod +x {path}"))));
        }
        if !source.problems.is_empty() {
            return Err(source.problems);
        }
        let unreadable = |error: io::Error| one(Problem::new(&pointer, format!("{}: {error}", self.folder.display())));
        let key = build::key(self, &source).map_err(unreadable)?;
        if let Some(zip) = cache.and_then(|cache| build::kept(cache, &key)) {
            self.has_its_handler(&packed(&zip)).map_err(one)?;
            return Ok(zip);
        }
        tell(&self.folder);
        let folder = build::run(self, &source, &pointer).map_err(one)?;
        let mut built = files::read_built(folder.path(), &pointer);
        built.files.retain(|file| file.name != build::SCRIPT);
        let zip = self.zip(built, &pointer)?;
        if let Some(cache) = cache {
            build::keep(cache, &key, &zip);
        }
        Ok(zip)
    }

    fn zip(&self, found: Found, pointer: &str) -> Result<Vec<u8>, Vec<Problem>> {
        let Found {
            files,
            size,
            mut problems,
            ..
        } = found;
        if size > UNZIPPED {
            let problem = Problem::new(
                pointer,
                format!(
                    "{} holds {} MB, and a function may hold {} MB, with all that `build` puts there",
                    self.folder.display(),
                    size.div_ceil(1_000_000),
                    UNZIPPED / 1_000_000
                ),
            );
            problems
                .push(problem.help("leave data in a bucket, and out of it what the runtime brings; or use instances"));
        }
        let packed: Vec<Packed> = files.iter().map(|file| (file.name.clone(), file.executable)).collect();
        problems.extend(
            self.has_its_handler(&packed)
                .and_then(|()| self.has_its_function(&files))
                .err(),
        );
        if !problems.is_empty() {
            return Err(problems);
        }
        zipped(&files).map_err(|error| vec![Problem::new(pointer, format!("{}: {error}", self.folder.display()))])
    }

    /// Whether what Lambda will look for is there, and can be started, in the languages whose handlers name a file.
    fn has_its_handler(&self, files: &[Packed]) -> Result<(), Problem> {
        let Some(wanted) = candidates(&self.lambda.runtime, &self.lambda.handler) else {
            return Ok(());
        };
        let folder = self.folder.display();
        let is_started = self.lambda.runtime.starts_with("provided");
        match files.iter().find(|(name, _)| wanted.contains(name)) {
            Some((name, false)) if is_started => {
                let message = format!("`{name}` in {folder}, which Lambda starts, is not executable");
                let problem = Problem::new(format!("{}/program", self.pointer), message);
                return Err(problem.help(format!("chmod +x {name}, here or in its `build`")));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        Err(match is_started {
            true => Problem::new(
                format!("{}/program", self.pointer),
                format!("{folder} has no `bootstrap`, which Lambda starts"),
            )
            .help("`bootstrap` is an executable file at the top, made for the `architecture`"),
            false => Problem::new(
                format!("{}/handler", self.pointer),
                format!("{folder} has no {}", wanted.join(" and no ")),
            )
            .help(A_HANDLER),
        })
    }

    /// Whether the file of a Python handler has a function of its name: Python finds out only when the first message comes.
    /// What isn't written there by its name may still come from elsewhere by `import *`.
    fn has_its_function(&self, files: &[File]) -> Result<(), Problem> {
        let Lambda { runtime, handler, .. } = &self.lambda;
        let wanted = candidates(runtime, handler).filter(|_| runtime.starts_with("python"));
        let Some((wanted, (_, function))) = wanted.zip(handler.rsplit_once('.')) else {
            return Ok(());
        };
        let Some(file) = files.iter().find(|file| wanted.contains(&file.name)) else {
            return Ok(());
        };
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let is_there =
            |text: String| text.contains("import *") || text.split(|c| !is_part(c)).any(|word| word == function);
        // What can't be read is told when it is packed.
        if fs::read_to_string(&file.path).map_or(true, is_there) {
            return Ok(());
        }
        let message = format!("{} has no function `{function}`", file.path.display());
        let problem = Problem::new(format!("{}/handler", self.pointer), message);
        Err(problem.help(A_HANDLER))
    }
}

/// Where the code of a handler may be; none where the runtime doesn't say.
///
/// Python takes dots and slashes for folders
/// (<https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html>), Node.js only slashes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html>).
fn candidates(runtime: &str, handler: &str) -> Option<Vec<String>> {
    if runtime.starts_with("provided") {
        return Some(vec!["bootstrap".into()]);
    }
    let (module, _) = handler.rsplit_once('.')?;
    if runtime.starts_with("python") {
        let path = module.replace('.', "/");
        return Some(vec![format!("{path}.py"), format!("{path}/__init__.py")]);
    }
    let after_folders = module.rfind('/').map_or(0, |slash| slash + 1);
    let file_end = module[after_folders..]
        .find('.')
        .map_or(module.len(), |dot| after_folders + dot);
    let path = module[..file_end].trim_start_matches("./");
    if runtime.starts_with("nodejs") {
        return Some(
            ["js", "mjs", "cjs"]
                .iter()
                .map(|ending| format!("{path}.{ending}"))
                .collect(),
        );
    }
    runtime.starts_with("ruby").then(|| vec![format!("{path}.rb")])
}

/// The zip depends on names, content and the executable bit, and on nothing else. Lambda's user must be able to read it
/// all (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html>).
fn zipped(files: &[File]) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        // 1980, the first that a zip can tell.
        .last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let mode = if file.executable { 0o755 } else { 0o644 };
        zip.start_file(file.name.as_str(), options.unix_permissions(mode))?;
        zip.write_all(&fs::read(&file.path)?)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn packed(zip: &[u8]) -> Vec<Packed> {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(zip)) else {
        return Vec::new();
    };
    let places = 0..archive.len();
    let one = |place| {
        let file = archive.by_index(place).ok()?;
        let executable = file.unix_mode().is_some_and(|mode| mode & 0o100 != 0);
        Some((file.name().ok()?.into_owned(), executable))
    };
    places.filter_map(one).collect()
}

#[cfg(all(test, unix))]
mod tests;
