//! `qfleet graph ENV [--format mermaid|svg]`

use clap::{Args, ValueEnum};

use super::global::Env;
use super::{Global, placement};
use crate::blueprint;
use crate::error::Result;
use crate::report;

/// Arguments of `graph`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  qfleet graph lab                              Mermaid, for a page on GitHub or GitLab
  qfleet graph lab --format svg >lab.svg        a picture, in light and in dark
  qfleet graph lab --output json | jq -r '.arrows[] | \"\\(.from) \\(.to) \\(.evidence[0].statement)\"'

Drawn from the rendered templates: an arrow is there because a template has a permission, a
subscription or the like, which --output json names. What boots, logs and scales instances is left
out. Makes no calls to AWS. Like render, it runs the `build` of a Lambda function's program.")]
pub struct Graph {
    #[command(flatten)]
    env: Env,
    /// What the picture is written as; with --output json its nodes and arrows are printed instead
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// Text that Markdown pages show as a picture, in a block that begins with ```mermaid
    #[default]
    Mermaid,
    /// A picture as a file of its own
    Svg,
}

impl Graph {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load_and_build(global)?;
        let offline = placement::offline(&environment, global, None)?;
        let blueprint = blueprint::render(&environment, &offline.placement)?;
        let mut graph = blueprint::graph::of(&blueprint);
        let region = offline.placement.region;
        if !environment.standby.is_empty() {
            // Elsewhere the picture is the same in each region.
            report::render::notes(&offline.notes);
        }
        graph.stands_by_in = environment.stands_by(&region).then_some(region);
        report::as_it_is(global.output, &graph, || match self.format {
            Format::Mermaid => report::graph::mermaid(&graph),
            Format::Svg => report::graph::svg(&graph),
        });
        Ok(())
    }
}
