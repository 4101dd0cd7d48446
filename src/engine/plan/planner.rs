//! What plans are made with.

use jiff::Timestamp;

use crate::blueprint::Blueprint;
use crate::blueprint::template_folder::TemplateFolder;
use crate::cloud::Cloud;
use crate::cloud::cloudformation::change_set::Manner;
use crate::engine::plan::drafts::Drafts;

/// How a plan is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The change sets' name; one of its own for each run, unless it is given.
    pub change_set_name: Option<String>,
    /// How CloudFormation does it.
    pub manner: Manner,
    /// Data resources, by logical id, that may be replaced or deleted.
    pub allow_replace: Vec<String>,
    /// Termination protection that somebody switched on by hand goes, too.
    pub disable_protection: bool,
    /// Where CloudFormation reads long templates.
    pub templates: TemplateFolder,
}

/// What a plan is made with.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    pub cloud: &'a Cloud,
    /// What should be there.
    pub blueprint: &'a Blueprint,
    /// The change sets that are made.
    pub drafts: &'a Drafts,
    pub options: &'a Options,
    /// The wall clock.
    pub now: Timestamp,
}
