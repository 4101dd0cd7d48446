//! What becomes of a resource: it is made, changed, put back or deleted, at once.

use serde_json::Value;
use tokio::time::Instant;

use super::diff::{differing, replaces};
use super::state::{Definition, Resource};
use super::template::{Template, as_text};
use super::world::World;

impl Resource {
    /// As a template declares it, with nothing made yet.
    pub fn declared(id: &str, declared: &Value, template: &Template, now: Instant) -> Self {
        let policy = |name: &str| declared[name].as_str().unwrap_or("Delete").to_owned();
        Resource {
            id: id.to_owned(),
            kind: as_text(&declared["Type"]),
            physical_id: None,
            status: String::new(),
            reason: None,
            changed: now,
            properties: Value::Null,
            open_properties: Value::Null,
            needs: template.needs(id),
            version: 1,
            deletion_policy: policy("DeletionPolicy"),
            update_replace_policy: policy("UpdateReplacePolicy"),
        }
    }
}

impl World {
    pub(super) fn declare(&mut self, stack: usize, id: &str) {
        let now = self.now;
        let it = &mut self.stacks[stack];
        let Some(template) = it
            .operation
            .as_ref()
            .and_then(|operation| operation.wanted.template.clone())
        else {
            return;
        };
        it.resources.retain(|resource| resource.id != id);
        it.resources
            .push(Resource::declared(id, &template.tree["Resources"][id], &template, now));
    }

    /// Its properties as the operation wants them: with other resources' values, and with these left open.
    pub(super) fn wanted(&self, stack: usize, id: &str) -> Option<(Value, Value)> {
        let it = &self.stacks[stack];
        let definition = &it.operation.as_ref()?.wanted;
        let template = definition.template.as_ref()?;
        let declared = &template.tree["Resources"][id];
        let parameters = definition.values();
        let resource = |id: &str, attribute: Option<&str>| self.value_of(it, id, attribute);
        let values = self.values(it, &parameters, &resource);
        Some((
            template.resolve(&declared["Properties"], &values),
            self.open_properties(it, definition, declared),
        ))
    }

    pub(super) fn differs(&self, stack: usize, id: &str) -> bool {
        let it = &self.stacks[stack];
        let (Some((properties, open)), Some(known)) = (self.wanted(stack, id), it.resource(id)) else {
            return false;
        };
        let tags_changed = it.operation.as_ref().is_some_and(|operation| operation.tags_changed);
        // A stack that was there from the beginning has properties with open values only.
        let same = known.properties == properties
            || (known.properties == known.open_properties && open == known.open_properties);
        let reverted = it
            .operation
            .as_ref()
            .is_some_and(|operation| operation.reverts.contains(id));
        let metadata = |definition: &Definition| {
            let template = definition.template.as_ref()?;
            Some(template.tree["Resources"][id]["Metadata"].clone())
        };
        let wanted = it.operation.as_ref().map(|operation| &operation.wanted);
        let other_metadata = wanted.is_some_and(|wanted| metadata(wanted) != metadata(&it.definition));
        tags_changed || other_metadata || reverted || !same || known.status.ends_with("_FAILED")
    }

    pub(super) fn make(&mut self, stack: usize, id: &str) {
        if self.stacks[stack]
            .resource(id)
            .is_none_or(|resource| resource.physical_id.is_some())
        {
            return;
        }
        let Some((properties, open_properties)) = self.wanted(stack, id) else {
            return;
        };
        let kind = self.stacks[stack]
            .resource(id)
            .map(|resource| resource.kind.clone())
            .unwrap_or_default();
        let operation = self.stacks[stack].operation.as_ref();
        let imported = operation.and_then(|operation| operation.imports.get(id).cloned());
        let physical_id = imported.unwrap_or_else(|| self.physical_id(stack, id, &kind, &properties));
        self.kept.remove(&physical_id);
        if kind == "AWS::S3::Bucket" {
            self.services.make_bucket(&physical_id);
        }
        if let Some(resource) = self.stacks[stack].resource_mut(id) {
            resource.physical_id = Some(physical_id);
            resource.properties = properties;
            resource.open_properties = open_properties;
        }
    }

    /// Whether a property that changes says that it is made anew.
    pub(super) fn is_replaced(&self, stack: usize, id: &str) -> bool {
        let (Some((properties, open_properties)), Some(known)) =
            (self.wanted(stack, id), self.stacks[stack].resource(id))
        else {
            return false;
        };
        let anew = |before: &Value, after: &Value| {
            let mut changed = differing(before, after).into_iter();
            changed.any(|name| replaces(&known.kind, name))
        };
        let is_known = known.properties != known.open_properties;
        (is_known && anew(&known.properties, &properties)) || anew(&known.open_properties, &open_properties)
    }

    /// In place or anew.
    pub(super) fn change(&mut self, stack: usize, id: &str) {
        let Some((properties, open_properties)) = self.wanted(stack, id) else {
            return;
        };
        let Some(known) = self.stacks[stack].resource(id).cloned() else {
            return;
        };
        let kind = known.kind.clone();
        let physical_id = if self.is_replaced(stack, id) {
            let physical_id = self.physical_id(stack, id, &kind, &properties);
            if let Some(operation) = &mut self.stacks[stack].operation {
                operation.leftovers.push(known);
            }
            Some(physical_id)
        } else {
            known.physical_id.clone()
        };
        if let Some(resource) = self.stacks[stack].resource_mut(id) {
            resource.physical_id = physical_id;
            resource.properties = properties;
            resource.open_properties = open_properties;
            resource.version += 1;
        }
    }

    pub(super) fn restore(&mut self, stack: usize, id: &str) {
        let it = &mut self.stacks[stack];
        let Some(operation) = &mut it.operation else { return };
        let Some(before) = operation
            .before
            .resources
            .iter()
            .find(|before| before.id == id)
            .cloned()
        else {
            return;
        };
        operation.touched.remove(id);
        let Some(known) = it.resources.iter_mut().find(|known| known.id == id) else {
            return;
        };
        if known.physical_id != before.physical_id {
            // The old one stays after all, and the new one goes.
            operation
                .leftovers
                .retain(|leftover| leftover.physical_id != before.physical_id);
            operation.leftovers.push(known.clone());
        }
        let version = known.version + 1;
        *known = Resource { version, ..before };
    }

    pub(super) fn unmake(&mut self, stack: usize, id: &str) {
        let Some(resource) = self.stacks[stack].resource_mut(id) else {
            return;
        };
        let (kind, physical_id) = (resource.kind.clone(), resource.physical_id.take());
        let physical_id = physical_id.unwrap_or_default();
        self.ended.insert((stack, id.to_owned()), physical_id.clone());
        match kind.as_str() {
            "AWS::S3::Bucket" => self.services.delete_bucket(&physical_id),
            "AWS::DynamoDB::Table" => self.services.delete_table(&physical_id),
            "AWS::AutoScaling::AutoScalingGroup" => self.script.groups.retain(|group| group.name != physical_id),
            _ => {}
        }
    }
}
