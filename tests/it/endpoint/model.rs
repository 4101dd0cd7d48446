//! Requests against botocore's models of the services with a query protocol, which AWS generates from the services
//! themselves: what the model doesn't allow is refused, and the test is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use regex::Regex;
use serde_json::Value;

use super::query::Input;
use crate::harness::find_ministack;

/// Parameters that AWS's reference has, and the model of the pinned botocore not yet
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html>).
const NEWER: [(&str, &str); 1] = [("ContinueUpdateRollback", "ForceRollback")];

/// The service model.
pub struct Model {
    pub tree: Value,
    patterns: BTreeMap<String, Option<Regex>>,
}

impl Model {
    /// CloudFormation's.
    pub fn get() -> &'static Model {
        Model::of("cloudformation/2010-05-15")
    }

    /// Auto Scaling's.
    pub fn auto_scaling() -> &'static Model {
        Model::of("autoscaling/2011-01-01")
    }

    /// SNS's.
    pub fn sns() -> &'static Model {
        Model::of("sns/2010-03-31")
    }

    /// IAM's.
    pub fn iam() -> &'static Model {
        Model::of("iam/2010-05-08")
    }

    /// Any service's, by its folder in botocore's data. Each is read once in a test run.
    pub fn of(service: &'static str) -> &'static Model {
        static MODELS: Mutex<BTreeMap<&str, &Model>> = Mutex::new(BTreeMap::new());
        let mut models = MODELS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        models
            .entry(service)
            .or_insert_with(|| Box::leak(Box::new(Model::read(service))))
    }

    fn read(service: &str) -> Model {
        let path = data_folder().join(service).join("service-2.json.gz");
        let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut text = String::new();
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut text)
            .expect("botocore's service model");
        let tree: Value = serde_json::from_str(&text).expect("botocore's service model");
        let shapes = tree["shapes"].as_object().into_iter().flatten();
        let patterns = shapes.filter_map(|(_, shape)| shape["pattern"].as_str());
        // Not every pattern is one that Rust can read; lengths and enums still hold for these.
        let compiled = |pattern: &str| Regex::new(&format!("^(?:{pattern})$")).ok();
        let patterns = patterns
            .map(|pattern| (pattern.to_owned(), compiled(pattern)))
            .collect();
        Model { tree, patterns }
    }

    /// Whether the service has this action.
    pub fn knows(&self, action: &str) -> bool {
        self.tree["operations"].get(action).is_some()
    }

    /// What is wrong with a request, in the service's words.
    pub fn complaints(&self, action: &str, input: &Input) -> Vec<String> {
        let Some(shape) = self.tree["operations"][action]["input"]["shape"].as_str() else {
            return Vec::new();
        };
        let mut check = Check {
            model: self,
            input,
            known: ["Action", "Version"].map(str::to_owned).into(),
            wrong: Vec::new(),
        };
        let newer = NEWER.iter().filter(|(of, _)| *of == action);
        check.known.extend(newer.map(|(_, parameter)| (*parameter).to_owned()));
        check.structure(shape, "");
        let unknown = input.0.keys().filter(|key| !check.known.contains(*key));
        let unknown: Vec<String> = unknown.map(|key| format!("Unknown parameter: {key}")).collect();
        check.wrong.into_iter().chain(unknown).collect()
    }
}

struct Check<'a> {
    model: &'a Model,
    input: &'a Input,
    known: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Check<'_> {
    fn structure(&mut self, shape: &str, at: &str) {
        let shape = &self.model.tree["shapes"][shape];
        for name in shape["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let path = joined(at, name);
            if !self.is_given(&path) {
                self.fails("null", &path, "Member must not be null".into());
            }
        }
        for (name, member) in shape["members"].as_object().into_iter().flatten() {
            let path = joined(at, name);
            if self.is_given(&path) {
                self.value(member["shape"].as_str().unwrap_or_default(), &path);
            }
        }
    }

    fn value(&mut self, shape_name: &str, path: &str) {
        let shape = &self.model.tree["shapes"][shape_name];
        match shape["type"].as_str().unwrap_or_default() {
            "structure" => self.structure(shape_name, path),
            "list" => {
                // An empty list is sent as an empty text.
                self.known.insert(path.to_owned());
                let member = shape["member"]["shape"].as_str().unwrap_or_default().to_owned();
                let paths = (1..).map(|n| format!("{path}.member.{n}"));
                let paths: Vec<String> = paths.take_while(|path| self.is_given(path)).collect();
                if let Some(max) = shape["max"].as_u64()
                    && paths.len() as u64 > max
                {
                    self.fails("", path, format!("Member must have length less than or equal to {max}"));
                }
                paths.iter().for_each(|path| self.value(&member, path));
            }
            "map" => {
                let [key, value] =
                    ["key", "value"].map(|of| shape[of]["shape"].as_str().unwrap_or_default().to_owned());
                let entries = (1..).map(|n| format!("{path}.entry.{n}"));
                for entry in entries.take_while(|entry| self.is_given(entry)).collect::<Vec<_>>() {
                    self.value(&key, &format!("{entry}.key"));
                    self.value(&value, &format!("{entry}.value"));
                }
            }
            kind => {
                self.known.insert(path.to_owned());
                let Some(text) = self.input.text(path).map(str::to_owned) else {
                    return;
                };
                self.scalar(shape, kind, path, &text);
            }
        }
    }

    fn scalar(&mut self, shape: &Value, kind: &str, path: &str, text: &str) {
        match kind {
            "boolean" if !matches!(text, "true" | "false") => self.fails(text, path, "Member must be a boolean".into()),
            "integer" | "long" if text.parse::<i64>().is_err() => {
                self.fails(text, path, "Member must be a number".into())
            }
            "string" => {
                let length = text.chars().count() as u64;
                if let Some(max) = shape["max"].as_u64().filter(|max| length > *max) {
                    self.fails(
                        text,
                        path,
                        format!("Member must have length less than or equal to {max}"),
                    );
                }
                if let Some(min) = shape["min"].as_u64().filter(|min| length < *min) {
                    self.fails(
                        text,
                        path,
                        format!("Member must have length greater than or equal to {min}"),
                    );
                }
                if let Some(words) = shape["enum"].as_array()
                    && !words.iter().any(|word| word == text)
                {
                    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                    self.fails(
                        text,
                        path,
                        format!("Member must satisfy enum value set: [{}]", words.join(", ")),
                    );
                }
                if let Some(pattern) = shape["pattern"].as_str()
                    && let Some(Some(regex)) = self.model.patterns.get(pattern)
                    && !regex.is_match(text)
                {
                    self.fails(
                        text,
                        path,
                        format!("Member must satisfy regular expression pattern: {pattern}"),
                    );
                }
            }
            _ => {}
        }
    }

    fn is_given(&self, path: &str) -> bool {
        let prefix = format!("{path}.");
        let mut from = self.input.0.range(path.to_owned()..);
        self.input.0.contains_key(path) || from.any(|(key, _)| key.starts_with(&prefix))
    }

    fn fails(&mut self, value: &str, path: &str, constraint: String) {
        let mut camel = path.to_owned();
        camel[..1].make_ascii_lowercase();
        let value = if value == "null" {
            value.to_owned()
        } else {
            format!("'{value}'")
        };
        self.wrong.push(format!(
            "Value {value} at '{camel}' failed to satisfy constraint: {constraint}"
        ));
    }
}

fn joined(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

/// `$QFLEET_BOTOCORE` (botocore's `data` folder), else that of the Python beside the emulator.
fn data_folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(find_data_folder)
}

fn find_data_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("QFLEET_BOTOCORE") {
        return PathBuf::from(folder);
    }
    let python = find_ministack().with_file_name("python3");
    let script = "import botocore, os; print(os.path.join(os.path.dirname(botocore.__file__), 'data'))";
    let output = Command::new(&python)
        .args(["-c", script])
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", python.display()));
    assert!(
        output.status.success(),
        "requests are checked against botocore's service model, which `make tools` installs: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}
