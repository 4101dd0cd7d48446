//! The form in which results are printed.

use clap::ValueEnum;

/// What `--output` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One JSON object a line, as things happen
    Jsonl,
    /// For a ticket or a pull request; not every command has it
    Markdown,
}

/// The form of the results, as every command has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// One JSON object a line, as things happen
    Jsonl,
}

impl From<Form> for Output {
    /// Markdown is for people, too.
    fn from(form: Form) -> Self {
        match form {
            Form::Text | Form::Markdown => Output::Text,
            Form::Json => Output::Json,
            Form::Jsonl => Output::Jsonl,
        }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// In a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// From now on, for everything that is printed.
    pub fn apply(self) {
        match self {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}
