//! The templates that are built into the binary, and how values get into them.
//!
//! A value is always written as JSON, which is YAML, too: whatever it contains, it is one scalar, or one list of them.
//! Only what the templates themselves say has structure.

use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use serde::Serialize;

use super::{quoting, scripts};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The templates, ready to render.
pub struct Templates(Environment<'static>);

impl Templates {
    /// Parses them.
    ///
    /// # Errors
    /// A template that isn't one: a mistake of ours, which every test of rendering finds.
    pub fn new() -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Json);
        environment.set_formatter(as_json);
        // A line that holds nothing but a block tag leaves no line behind.
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
        environment.set_syntax(syntax.build()?);
        environment.add_filter("environment_file_value", |value: String| {
            quoting::environment_file_value(&value)
        });
        environment.add_filter("iam_literal", |value: String| quoting::iam_literal(&value));
        environment.add_function("packed", packed);
        add_all(&mut environment, &FILES)?;
        Ok(Templates(environment))
    }

    /// Renders one.
    ///
    /// # Errors
    /// A value that a template asks for and the context doesn't have.
    pub fn render(&self, name: &str, context: &impl Serialize) -> Result<String, Error> {
        self.0.get_template(name)?.render(Serde(context))
    }
}

fn add_all(environment: &mut Environment<'static>, folder: &'static Dir<'static>) -> Result<(), Error> {
    for file in folder.files() {
        if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8())
            && name.ends_with(".yaml.j2")
        {
            environment.add_template(name, text)?;
        }
    }
    folder.dirs().try_for_each(|folder| add_all(environment, folder))
}

/// The constant scripts in a folder of `templates/`, packed, for a place in a YAML block, where JSON would be one long line.
fn packed(path: &str) -> Result<Value, Error> {
    let Some(folder) = FILES.get_dir(path) else {
        return Err(Error::new(
            ErrorKind::TemplateNotFound,
            format!("no folder templates/{path}"),
        ));
    };
    let packed = scripts::packed(folder)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("templates/{path}")).with_source(error))?;
    Ok(Value::from_safe_string(packed))
}

/// Writes a value as JSON that every YAML reader takes for the same text, all of it ASCII: CloudFormation hands templates
/// back with a `?` for anything else (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1220>),
/// and what is deployed is compared with what should be.
///
/// Not minijinja's own form of it, which escapes characters that matter in HTML only (`\u0027`), and leaves alone some
/// that YAML 1.1 forbids or takes for line ends.
fn as_json(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    use std::fmt::Write;
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if let (true, Some(text)) = (value.is_safe(), value.as_str()) {
        return Ok(out.write_str(text)?);
    }
    let json = serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, "a value for a template").with_source(error))?;
    for c in json.chars() {
        match c {
            ' '..='~' => out.write_char(c)?,
            // YAML has eight digits for what JSON writes as a pair of surrogates.
            '\u{10000}'.. => write!(out, "\\U{:08x}", u32::from(c))?,
            c => write!(out, "\\u{:04x}", u32::from(c))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &'static Dir<'static>) -> Vec<&'static include_dir::File<'static>> {
        let inside = folder.dirs().flat_map(files);
        folder.files().chain(inside).collect()
    }

    #[test]
    fn no_template_switches_escaping_off() {
        for file in files(&FILES) {
            let text = file.contents_utf8().unwrap_or_default();
            for banned in ["|safe", "| safe", "autoescape", "tojson"] {
                assert!(!text.contains(banned), "{} contains {banned}", file.path().display());
            }
        }
    }

    #[test]
    fn templates_are_ascii() {
        for file in files(&FILES) {
            let text = file.contents_utf8().unwrap_or_default();
            let line = text.lines().find(|line| !line.is_ascii());
            assert_eq!(line, None, "{}", file.path().display());
            assert!(!text.is_empty(), "{}", file.path().display());
        }
    }

    /// `Fn::Sub` expands `${…}` after rendering, so nothing that is rendered may stand in its text.
    #[test]
    fn no_value_stands_in_a_sub() {
        for file in files(&FILES) {
            for line in file.contents_utf8().unwrap_or_default().lines() {
                let Some((_, text)) = line.split_once("!Sub ") else {
                    continue;
                };
                // Numbers of parameters are the templates' own.
                let text = text.replace("{{ loop.index }}", "");
                assert!(!text.contains("{{"), "{}: {line}", file.path().display());
            }
        }
    }

    #[test]
    fn characters_that_yaml_reads_otherwise_are_escaped() {
        let templates = Templates::new().expect("they parse");
        let text = "\u{7f}\u{85}\u{2028}\u{feff}'\"<\\\u{e9}\u{20ac}\u{1f600}";
        let line = templates
            .0
            .render_str("{{ text }}", minijinja::context! { text })
            .expect("renders");
        assert_eq!(line, r#""\u007f\u0085\u2028\ufeff'\"<\\\u00e9\u20ac\U0001f600""#);
        let back: String = serde_yaml::from_str(&line).expect("is YAML");
        assert_eq!(back, text);
    }
}
