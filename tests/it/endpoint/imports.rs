//! Change sets of the type IMPORT: resources that are there are taken in by what identifies them, and nothing else may
//! change with it (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html>). The
//! words of the refusals are those of the emulator ministack 1.5.33, whose authors compare them with AWS's
//! (`ministack/services/cloudformation/changesets.py`), unless another source is named.

use std::collections::{BTreeMap, BTreeSet};

use qfleet::blueprint::resource_schema::{self, Import};

use super::diff::Change;
use super::query::{Input, Refusal};
use super::state::Definition;
use super::template::as_text;
use super::world::World;

/// A resource to import.
#[derive(Debug, Clone)]
pub struct Imported {
    pub id: String,
    pub kind: String,
    pub identifier: BTreeMap<String, String>,
}

impl Imported {
    /// What stacks know it by.
    pub fn physical_id(&self) -> String {
        self.identifier.values().cloned().collect::<Vec<_>>().join("|")
    }
}

impl World {
    /// The resources that an IMPORT change set names, if nothing speaks against them.
    pub fn to_import(
        &self,
        stack: Option<usize>,
        input: &Input,
        wanted: &Definition,
    ) -> Result<Vec<Imported>, Refusal> {
        let refuse = |why: String| Err(Refusal::validation(why));
        let none = Definition::default();
        let current = stack.map_or(&none, |stack| &self.stacks[stack].definition);
        let outputs = |definition: &Definition| {
            definition
                .template
                .as_ref()
                .map(|template| template.tree["Outputs"].clone())
        };
        let outputs = |definition: &Definition| outputs(definition).filter(|outputs| !outputs.is_null());
        // Outputs: https://github.com/go-to-k/cdkd/blob/main/src/cli/commands/export.ts, filterTemplateForImport. RoleARN:
        // https://github.com/aws/aws-cdk/issues/24954. Others got through with tags
        // (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1008).
        for (what, changes) in [
            ("Outputs", outputs(wanted) != outputs(current)),
            ("Tags", wanted.tags != current.tags),
            ("RoleArn", wanted.role_arn != current.role_arn),
        ] {
            if changes {
                return refuse(format!(
                    "As part of the import operation, you cannot modify or add [{what}]"
                ));
            }
        }
        let mut named = Vec::new();
        for member in input.members("ResourcesToImport") {
            let entries = (1..).map(|n| member.structure(&format!("ResourceIdentifier.entry.{n}")));
            let entries = entries.take_while(|entry| !entry.0.is_empty());
            let pair = |entry: Input| Some((entry.text("key")?.to_owned(), entry.text("value")?.to_owned()));
            named.push(Imported {
                id: member.required("LogicalResourceId")?.to_owned(),
                kind: member.required("ResourceType")?.to_owned(),
                identifier: entries.filter_map(pair).collect(),
            });
        }
        if named.is_empty() {
            return refuse("Must Provide at least one resource to import".into());
        }
        let declared = &wanted.template.as_ref().map(|template| &template.tree["Resources"]);
        for Imported { id, kind, identifier } in &named {
            let declared = declared.map(|all| &all[id]).filter(|declared| declared.is_object());
            let Some(declared) = declared else {
                return refuse(format!(
                    "The logical resource ids [{id}] provided in ResourceToImport do not exist in the template."
                ));
            };
            // https://github.com/go-to-k/cdkd/blob/main/src/cli/commands/export.ts, typeIsImportUnsupported
            let schema = resource_schema::of(kind).filter(|schema| schema.import() != Import::Never);
            let Some(schema) = schema else {
                return refuse(format!("ResourceTypes [{kind}] are not supported for Import"));
            };
            if !identifier
                .keys()
                .eq(schema.primary_identifier.iter().collect::<BTreeSet<_>>())
            {
                return refuse(format!(
                    "Invalid resource identifier for resource type {kind}. Expected [{}]",
                    schema.primary_identifier.join(", ")
                ));
            }
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html: "Each resource to import
            // must have a DeletionPolicy attribute".
            if declared["DeletionPolicy"].is_null() {
                return refuse(format!(
                    "The following resources to import [{id}] must have DeletionPolicy attribute specified in the template."
                ));
            }
            if as_text(&declared["Type"]) != *kind {
                return refuse(format!(
                    "Resource type of [{id}] passed in ResourceToImport does not match with resource type defined in the template."
                ));
            }
        }
        let all = wanted.template.iter().flat_map(|template| template.resources());
        let changes: Vec<(&str, String)> = match stack {
            Some(stack) => {
                let changes = self.changes(&self.stacks[stack], wanted).into_iter();
                changes.map(|change| (change.action, change.id)).collect()
            }
            None => all.map(|(id, _)| ("Add", id.clone())).collect(),
        };
        for (action, id) in &changes {
            let is_named = named.iter().any(|one| one.id == *id);
            match *action {
                "Add" if !is_named => {
                    return refuse(format!("Resources [{id}] is missing from ResourceToImport list"));
                }
                "Add" => {}
                _ => {
                    return refuse(format!(
                        "You have modified resources [{id}] in your template that are not being imported. Update, create or \
                         delete operations cannot be executed during import operations."
                    ));
                }
            }
        }
        if let Some(known) = named.iter().find(|one| !changes.iter().any(|(_, id)| *id == one.id)) {
            return refuse(format!(
                "Resources [{}] passed in ResourceToImport are already in a stack and cannot be imported.",
                known.id
            ));
        }
        Ok(named)
    }

    /// What the change set would do; or why it fails, once each resource was looked up.
    pub fn imports(&self, named: &[Imported], changes: &mut [Change]) -> Result<(), String> {
        for one in named {
            let physical_id = one.physical_id();
            let mut stacks = self.stacks.iter().filter(|stack| stack.is_there());
            let owner = stacks.find(|stack| {
                let mut resources = stack.resources.iter();
                resources.any(|known| known.kind == one.kind && known.physical_id.as_deref() == Some(&physical_id))
            });
            if let Some(owner) = owner {
                return Err(format!("{physical_id} already exists in stack {}", owner.id));
            }
            if self.kept.get(&physical_id) != Some(&one.kind) {
                let Imported { kind, .. } = one;
                return Err(format!(
                    "Resource of type '{kind}' with identifier '{physical_id}' was not found."
                ));
            }
            changes
                .iter_mut()
                .filter(|change| change.id == one.id)
                .for_each(|change| change.imports(physical_id.clone()));
        }
        Ok(())
    }
}
