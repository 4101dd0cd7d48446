//! What EC2 is asked: which zones offer an instance type and what it is, which subnets the default VPC has and where others
//! are, their ways out, and images
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>).

mod answer;
mod images;
mod networks;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::cloud::signed::Service;
use crate::cloud::{Cloud, CloudError};
use answer::Item;
pub use images::MachineImage;
pub use networks::{Routes, Subnet};
pub use types::InstanceType;

const VERSION: &str = "2016-11-15";

pub(super) static EC2: Service = Service {
    id: "EC2",
    name: "ec2",
    content_type: "application/x-www-form-urlencoded",
    target: None,
    refused: answer::refused,
};

/// What was answered to an action's parameters.
pub(super) type Answers = Arc<Mutex<HashMap<(&'static str, Vec<(String, String)>), Vec<Item>>>>;

/// `Filter.1`, which lets through what has one of these values. What isn't there is left out of the answer, where an id
/// would be refused.
fn filter<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Vec<(String, String)> {
    let values = values.into_iter().enumerate();
    let values = values.map(|(number, value)| (format!("Filter.1.Value.{}", number + 1), value.to_owned()));
    let name = ("Filter.1.Name".to_owned(), name.to_owned());
    std::iter::once(name).chain(values).collect()
}

impl Cloud {
    /// All items of a set. Each question is asked once: which zones there are, and what they offer, stays while a command
    /// runs, and stacks that are planned side by side, or again, ask for the same.
    async fn ec2(
        &self,
        action: &'static str,
        set: &'static str,
        asked: Vec<(String, String)>,
    ) -> Result<Vec<Item>, CloudError> {
        let mut answers = self.ec2_answers.lock().await;
        if let Some(items) = answers.get(&(action, asked.clone())) {
            return Ok(items.clone());
        }
        let items = self.ec2_pages(action, set, &asked).await?;
        answers.insert((action, asked), items.clone());
        Ok(items)
    }

    async fn ec2_pages(
        &self,
        action: &'static str,
        set: &'static str,
        asked: &[(String, String)],
    ) -> Result<Vec<Item>, CloudError> {
        let signed = self.signed(&EC2, action);
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("Action", action).append_pair("Version", VERSION);
            for (name, value) in asked {
                form.append_pair(name, value);
            }
            if let Some(token) = &token {
                form.append_pair("NextToken", token);
            }
            let page = answer::read(&signed.call(form.finish()).await?, set);
            let page = page.map_err(|error| signed.unreadable(error))?;
            items.extend(page.items);
            token = page.next;
            if token.is_none() {
                return Ok(items);
            }
        }
    }
}
