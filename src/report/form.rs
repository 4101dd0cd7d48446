//! The form in which results are printed.

/// The form of the results, as every command has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Output {
    #[default]
    Text,
    Json,
    /// One JSON object a line, as things happen.
    Jsonl,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// From now on, for everything that is printed, clap's help included. `Auto` leaves it to NO_COLOR, CLICOLOR_FORCE,
    /// CLICOLOR and the terminal, in this order, which is anstream's; FORCE_COLOR, which it doesn't know, is to
    /// CLICOLOR_FORCE what NO_COLOR is to CLICOLOR=0 (<https://force-color.org>).
    pub fn apply(self) {
        let is_set = |name| std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty());
        let forced = is_set("FORCE_COLOR") && !is_set("NO_COLOR");
        match self {
            Color::Auto if forced => anstream::ColorChoice::Always.write_global(),
            Color::Auto => anstream::ColorChoice::Auto.write_global(),
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}
