//! Options of an environment file, with the values that the templates are tried with, every two of two options together.

mod around;
mod bucket;
mod instances;
mod jobs;
mod scaling;
pub mod together;
mod web;
mod workers;

/// An option, with its values. The first is what an environment has without it.
pub struct Choice {
    pub name: &'static str,
    pub values: &'static [Setting],
}

/// A value: its name, and the lines it adds to each place of an environment file.
#[derive(Clone, Copy)]
pub struct Setting {
    pub name: &'static str,
    pub file: &'static str,
    pub bucket: &'static str,
    /// The first stage, `a`, which has instances.
    pub stage: &'static str,
    pub queue: &'static str,
    pub instances: &'static str,
    /// Beside the first stage's `instances`.
    pub workers: &'static str,
    pub scaling: &'static str,
    /// A second stage with instances, `b-2`.
    pub second: &'static str,
    /// A stage with a function, `f`.
    pub function: &'static str,
    /// What it can't be together with: a choice, and values of it.
    without: Option<(&'static str, &'static [&'static str])>,
    /// What it can only be together with: a choice, and values of it.
    with: Option<(&'static str, &'static [&'static str])>,
}

/// A value that adds nothing yet.
const fn value(name: &'static str) -> Setting {
    Setting {
        name,
        file: "",
        bucket: "",
        stage: "",
        queue: "",
        instances: "",
        workers: "",
        scaling: "",
        second: "",
        function: "",
        without: None,
        with: None,
    }
}

/// A method that sets the field of its name.
macro_rules! places {
    ($($place:ident)*) => {
        impl Setting {
            $(const fn $place(mut self, lines: &'static str) -> Self {
                self.$place = lines;
                self
            })*
        }
    };
}

places!(file bucket stage queue instances workers scaling second function);

impl Setting {
    const fn without(mut self, choice: &'static str, values: &'static [&'static str]) -> Self {
        self.without = Some((choice, values));
        self
    }

    const fn with(mut self, choice: &'static str, values: &'static [&'static str]) -> Self {
        self.with = Some((choice, values));
        self
    }

    /// Whether an environment may have it together with this value of that choice.
    fn goes_with(&self, choice: &str, value: &str) -> bool {
        let not = self
            .without
            .is_some_and(|(name, values)| name == choice && values.contains(&value));
        let only = self
            .with
            .is_none_or(|(name, values)| name != choice || values.contains(&value));
        only && !not
    }
}

/// All of them; one that two places of a file can't have both says so by `with` or `without`.
pub const CHOICES: &[Choice] = &[
    workers::ACTIVE,
    workers::STANDBY,
    instances::NETWORK,
    instances::SPOT,
    instances::TYPES,
    scaling::SIZE,
    bucket::BUCKET,
    bucket::ONLY,
    instances::IMAGE,
    instances::SHELL,
    instances::POLICIES,
    instances::SECRETS,
    instances::ENVIRONMENT,
    jobs::QUEUE,
    jobs::REPLIES,
    jobs::SCHEDULES,
    instances::TIMES,
    workers::SECOND,
    workers::FUNCTION,
    web::WEB,
    web::DELIVERY,
    around::ALERTS,
    around::RESULTS,
    around::DASHBOARD,
    around::FILE,
];
