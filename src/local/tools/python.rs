//! Which Python makes the virtual environment.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// What ministack and the others ask for.
const OLDEST: (u32, u32) = (3, 10);

/// The system's own may be older than others beside it, as on Amazon Linux.
const NAMES: [&str; 6] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
];

/// Says its version, then which of the modules that it takes is missing. Debian has these two in a package of their own.
const SCRIPT: &str = "\
import importlib.util, sys
print('%d.%d.%d' % sys.version_info[:3])
for name in ('venv', 'ensurepip'):
    if importlib.util.find_spec(name) is None:
        print(name)
        break
";

/// What a Python can't do.
enum Lack {
    Missing(String),
    Old(String),
    NoModule { version: String, module: String },
}

/// The Python that was named, or the first on the PATH that can make virtual environments.
///
/// # Errors
/// A failure that says what each one lacks.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf> {
    let mut lacks = Vec::new();
    let candidates = match named {
        Some(named) => vec![named.to_owned()],
        None => NAMES.map(PathBuf::from).to_vec(),
    };
    for candidate in candidates {
        match lack(&candidate) {
            None => return Ok(candidate),
            Some(lack) => lacks.push((candidate.display().to_string(), lack)),
        }
    }
    Err(why(&lacks, named.is_some()))
}

fn lack(python: &Path) -> Option<Lack> {
    let asked = Command::new(python)
        .args(["-I", "-c", SCRIPT])
        .stdin(Stdio::null())
        .output();
    let answer = match asked {
        Ok(answer) if answer.status.success() => answer,
        Ok(answer) => return Some(Lack::Missing(format!("ended with {}", answer.status))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Lack::Missing("is not there".into())),
        Err(error) => return Some(Lack::Missing(format!("can't be run: {error}"))),
    };
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    let mut lines = said.lines();
    let version = lines.next().unwrap_or_default().to_owned();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let numbers: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if numbers < OLDEST {
        return Some(Lack::Old(version));
    }
    let module = lines.next()?.to_owned();
    Some(Lack::NoModule { version, module })
}

/// One that is nearly right says more than those that aren't there.
fn why(lacks: &[(String, Lack)], named: bool) -> Error {
    let needs = "the local emulator needs Python 3.10 or later";
    let get = "install one: `apt install python3 python3-venv` on Debian and Ubuntu, `dnf install python3.12` on Amazon \
               Linux, `brew install python` on macOS; or name one that is not on the PATH with --python";
    let no_module = lacks.iter().find_map(|(name, lack)| match lack {
        Lack::NoModule { version, module } => Some((name, version, module)),
        _ => None,
    });
    if let Some((name, version, module)) = no_module {
        let minor: Vec<&str> = version.split('.').take(2).collect();
        return Error::failed(format!(
            "{name} (Python {version}) can't make virtual environments: its module {module} is missing"
        ))
        .with_help(format!(
            "on Debian and Ubuntu, install it with `apt install python{}-venv`; or name another Python with --python",
            minor.join(".")
        ));
    }
    let old = lacks.iter().find_map(|(name, lack)| match lack {
        Lack::Old(version) => Some((name, version)),
        _ => None,
    });
    if let Some((name, version)) = old {
        return Error::failed(format!("{needs}, and {name} is Python {version}")).with_help(get);
    }
    match lacks {
        [(name, Lack::Missing(how)), ..] if named || how != "is not there" => {
            Error::failed(format!("{needs}, and {name} {how}")).with_help(get)
        }
        _ => Error::failed(format!("{needs}, and there is no python3 on the PATH")).with_help(get),
    }
}
