//! What a template says of itself. qfleet never asks; the aws command does, before an update.

use super::query::{Input, Refusal};
use super::template::{Template, as_text};
use super::world::World;
use super::xml::Fields;

impl World {
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplateSummary.html>
    pub fn get_template_summary(&mut self, input: &Input) -> Result<Fields, Refusal> {
        let template = match (
            input.text("StackName"),
            input.text("TemplateBody"),
            input.text("TemplateURL"),
        ) {
            (Some(_), None, None) => {
                let stack = self.there(input)?;
                let template = self.stacks[stack].definition.template.clone();
                template.ok_or_else(|| Refusal::validation("The stack has no template yet"))?
            }
            (None, Some(body), None) => Template::parse(body)?,
            (None, None, Some(url)) => {
                let body = self.services.object_at(url);
                let body = body.ok_or_else(|| Refusal::validation("S3 error: The specified key does not exist."))?;
                Template::parse(&body)?
            }
            // "Conditional: You must specify only one of the following parameters: StackName, StackSetName,
            // TemplateBody, or TemplateURL."
            _ => {
                return Err(Refusal::validation(
                    "You must specify only one of StackName, TemplateBody and TemplateURL",
                ));
            }
        };
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ParameterDeclaration.html
        let parameters = template.section("Parameters").map(|(key, declared)| {
            Fields::new()
                .text("ParameterKey", key)
                .maybe(
                    "DefaultValue",
                    Some(&declared["Default"]).filter(|value| !value.is_null()).map(as_text),
                )
                .text("ParameterType", as_text(&declared["Type"]))
                .text("NoEcho", declared["NoEcho"] == true)
                .maybe("Description", declared["Description"].as_str())
        });
        let kinds = template.resources().map(|(_, declared)| as_text(&declared["Type"]));
        let kinds: std::collections::BTreeSet<String> = kinds.collect();
        let identifiers = kinds.iter().map(|kind| {
            let ids = template
                .resources()
                .filter(|(_, declared)| as_text(&declared["Type"]) == *kind);
            Fields::new()
                .text("ResourceType", kind)
                .texts("LogicalResourceIds", ids.map(|(id, _)| id))
        });
        Ok(Fields::new()
            .members("Parameters", parameters)
            .maybe("Description", template.description())
            .some_texts(
                "Capabilities",
                &template.capability().map(str::to_owned).into_iter().collect::<Vec<_>>(),
            )
            .texts("ResourceTypes", &kinds)
            .members("ResourceIdentifierSummaries", identifiers)
            .text("Version", "2010-09-09"))
    }
}
