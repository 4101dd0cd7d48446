//! What is going on, on one page.

use std::collections::BTreeMap;

use super::{Parts, output, scaling};
use crate::blueprint::{Stack, contexts, names, outputs};
use crate::environment::problem::Problem;
use crate::environment::{Delivery, WorkersKind};

impl Parts<'_> {
    pub fn dashboard(&self) -> Result<Stack, Problem> {
        let json = |text: String| serde_json::Value::String(text).to_string();
        let mut parameters = BTreeMap::new();
        let mut stages = Vec::new();
        for (index, stage) in self.environment.stages.iter().enumerate() {
            let mut shows = |parameter: &str, of| {
                parameters.insert(format!("{parameter}{}", index + 1), output(&stage.name, of));
            };
            let (template, max_concurrency) = match stage.workers.kind().filter(|_| !self.stands_by()) {
                Some(WorkersKind::Instances(_)) => {
                    shows("GroupName", outputs::GROUP);
                    ("dashboard/instances.yaml.j2", None)
                }
                Some(WorkersKind::Function(lambda)) => {
                    shows("FunctionName", outputs::FUNCTION);
                    ("dashboard/function.yaml.j2", Some(lambda.max_concurrency))
                }
                None => ("dashboard/paused.yaml.j2", None),
            };
            stages.push(contexts::DashboardStage {
                name: &stage.name,
                template,
                max_concurrency,
                heading_json: json(format!("## {}", stage.name)),
                queue_name_json: json(names::queue(&self.environment.name, &stage.name)),
                dead_letter_queue_name_json: json(names::dead_letter_queue(&self.environment.name, &stage.name)),
                reply_queue_name_json: stage
                    .replies
                    .then(|| json(names::reply_queue(&self.environment.name, &stage.name))),
                scaling: scaling::context(stage, index)?,
            });
        }
        if self.environment.web.is_some() {
            for (parameter, of) in [
                ("LoadBalancer", outputs::LOAD_BALANCER_FULL_NAME),
                ("TargetGroup", outputs::TARGET_GROUP_FULL_NAME),
            ] {
                parameters.insert(parameter.to_owned(), output("web", of));
            }
        }
        if self.environment.delivery.is_some() {
            let distribution = output(Delivery::PART, outputs::DISTRIBUTION);
            parameters.insert("Distribution".to_owned(), distribution);
        }
        let environment = &self.environment.name;
        let context = contexts::Dashboard {
            environment,
            dashboard_name: names::dashboard(environment, &self.placement.region),
            title_json: json(names::dashboard_title(environment)),
            results_table_json: self
                .environment
                .results
                .as_ref()
                .map(|_| json(names::table(environment))),
            has_parameters: !parameters.is_empty(),
            stages,
            web: self.environment.web.is_some(),
            delivery: self.environment.delivery.is_some(),
        };
        self.stack(
            "dashboard",
            "dashboard.yaml.j2",
            &context,
            parameters,
            self.on_destroy(),
        )
    }
}
