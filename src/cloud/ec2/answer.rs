//! What EC2 answers, read item by item.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ErrorMetadata;
use roxmltree::{Document, Node};

use crate::cloud::signed::refusal;

/// The texts of an item by their paths: `subnetId`, `vCpuInfo.defaultVCpus`, `routeSet.0.gatewayId`.
pub(in crate::cloud) type Item = BTreeMap<String, String>;

/// What stands in an item's lists at 0, 1, ….
pub(super) fn list(item: &Item, path: &str) -> Vec<Item> {
    let at = |number: usize| -> Item {
        let prefix = format!("{path}.{number}");
        let within = item
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix));
        let within = within.filter_map(|(key, value)| {
            let rest = key.strip_prefix(&prefix)?;
            let rest = rest.strip_prefix('.').or_else(|| rest.is_empty().then_some(""))?;
            Some((rest.to_owned(), value.clone()))
        });
        within.collect()
    };
    (0..).map(at).take_while(|item| !item.is_empty()).collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub items: Vec<Item>,
    pub next: Option<String>,
}

/// The items of a set.
pub(super) fn read(body: &str, set: &str) -> Result<Page, roxmltree::Error> {
    let document = Document::parse(body)?;
    let mut page = Page::default();
    for part in document.root_element().children().filter(Node::is_element) {
        match part.tag_name().name() {
            name if name == set => {
                for item in part.children().filter(Node::is_element) {
                    let mut fields = Item::new();
                    collect(item, "", &mut fields);
                    page.items.push(fields);
                }
            }
            "nextToken" => page.next = part.text().filter(|token| !token.is_empty()).map(str::to_owned),
            _ => {}
        }
    }
    Ok(page)
}

fn collect(element: Node<'_, '_>, at: &str, fields: &mut Item) {
    let mut number = 0;
    for child in element.children().filter(Node::is_element) {
        let name = match child.tag_name().name() {
            "item" => {
                number += 1;
                (number - 1).to_string()
            }
            name => name.to_owned(),
        };
        let path = if at.is_empty() { name } else { format!("{at}.{name}") };
        if child.children().any(|inner| inner.is_element()) {
            collect(child, &path, fields);
        } else {
            fields.insert(path, child.text().unwrap_or_default().to_owned());
        }
    }
}

/// What EC2 refused
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#api-error-response>).
pub(super) fn refused(_: &HttpResponse, body: &str) -> ErrorMetadata {
    let errors = read(body, "Errors").map(|page| page.items).unwrap_or_default();
    let mut error = errors.into_iter().next().unwrap_or_default();
    refusal(error.remove("Code"), error.remove("Message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_item_by_item() {
        let body = "<?xml version=\"1.0\"?>\n<DescribeSubnetsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                    <requestId>1</requestId><subnetSet><item><tagSet><item><key>a</key><value>b</value></item></tagSet>\
                    <availabilityZone>us-east-2a</availabilityZone></item><item><availabilityZone>us-east-2b\
                    </availabilityZone></item></subnetSet><nextToken>more</nextToken></DescribeSubnetsResponse>";
        let page = read(body, "subnetSet").expect("it reads");
        let zones: Vec<&str> = page
            .items
            .iter()
            .map(|item| item["availabilityZone"].as_str())
            .collect();
        assert_eq!(
            (zones, page.next.as_deref()),
            (vec!["us-east-2a", "us-east-2b"], Some("more"))
        );
        assert_eq!(page.items[0]["tagSet.0.value"], "b");
        assert_eq!(read("<A><nextToken/></A>", "set").expect("it reads"), Page::default());
        assert!(read("not XML", "set").is_err());
    }

    #[test]
    fn lists_in_an_item_have_their_order_also_past_the_tenth() {
        let items: String = (0..12).map(|n| format!("<item><id>{n}</id></item>")).collect();
        let body = format!("<A><set><item><ids>{items}</ids><words><item>x</item></words></item></set></A>");
        let page = read(&body, "set").expect("it reads");
        let ids: Vec<String> = list(&page.items[0], "ids")
            .into_iter()
            .map(|item| item["id"].clone())
            .collect();
        assert_eq!(ids, (0..12).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(list(&page.items[0], "words")[0][""], "x");
        assert!(list(&page.items[0], "nothing").is_empty());
    }

    #[test]
    fn a_refusal_has_a_code_and_a_message() {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message>\
                    </Error></Errors><RequestID>1</RequestID></Response>";
        let response = || HttpResponse::new(400.try_into().expect("a status"), String::new().into());
        let refused_so = refused(&response(), body);
        assert_eq!(refused_so.code(), Some("UnauthorizedOperation"));
        assert_eq!(refused_so.message(), Some("You are not authorized."));
        assert_eq!(refused(&response(), "<html>").code(), None);
    }
}
