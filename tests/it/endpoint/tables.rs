//! DynamoDB: tables of stacks and what outlived them, and the records in them, read page by page. `sources.md` says what
//! was recorded of it.

use serde_json::{Value, json};

use super::calls::Call;
use super::query::Refusal;
use super::services::{Plain, Services};
use super::world::World;

const TABLE: &str = "AWS::DynamoDB::Table";

/// Items by table.
#[derive(Debug, Default, Clone)]
pub struct Tables {
    items: std::collections::BTreeMap<String, Vec<Value>>,
    /// How many items a page holds.
    pub items_a_page: Option<usize>,
}

impl Services {
    /// Puts a record, as a worker writes it.
    pub fn put_record(&mut self, table: &str, job: &str, stage: &str, state: &str, updated: &str) {
        let text = |text: &str| json!({"S": text});
        self.tables.items.entry(table.to_owned()).or_default().push(json!({
            "Job": text(job),
            "Stage": text(stage),
            "State": text(state),
            "UpdatedAt": text(updated),
            "Worker": text("i-1"),
        }));
    }

    /// How many items a table has.
    pub fn records(&self, table: &str) -> usize {
        self.tables.items.get(table).map_or(0, Vec::len)
    }

    pub(super) fn delete_table(&mut self, table: &str) {
        self.tables.items.remove(table);
    }
}

impl World {
    /// An action of DynamoDB; none when it is none.
    pub(super) fn table_says(&self, call: &Call) -> Option<Plain> {
        let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let name = match call.action.as_str() {
            "ListTagsOfResource" => {
                let arn = input["ResourceArn"].as_str().unwrap_or_default();
                arn.rsplit('/').next().unwrap_or_default().to_owned()
            }
            _ => input["TableName"].as_str().unwrap_or_default().to_owned(),
        };
        let said = match call.action.as_str() {
            "DescribeTable" => self.describe_table(&name),
            "ListTagsOfResource" => self.table_tags(&name),
            "Scan" | "Query" => self.records_page(&name, &input),
            _ => return None,
        };
        Some(match said {
            Some(answer) => Plain::ok("application/x-amz-json-1.0", answer.to_string()),
            // <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
            None => Plain::table_error(&Refusal::new(
                400,
                "ResourceNotFoundException",
                format!("Requested resource not found: Table: {name} not found"),
            )),
        })
    }

    /// Its properties, as far as they are known.
    fn table(&self, name: &str) -> Option<Value> {
        let stacks = self.stacks.iter().filter(|stack| stack.is_there());
        let mut resources = stacks.flat_map(|stack| &stack.resources);
        let of_stack = resources.find(|one| one.kind == TABLE && one.physical_id.as_deref() == Some(name));
        let outlives = || self.kept.get(name).is_some_and(|kind| kind == TABLE) || self.is_left(TABLE, name);
        of_stack
            .map(|resource| resource.properties.clone())
            .or_else(|| outlives().then(|| json!({})))
    }

    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>
    fn describe_table(&self, name: &str) -> Option<Value> {
        let declared = self.table(name)?;
        let on_demand = declared["BillingMode"] == "PAY_PER_REQUEST";
        let units = |of: &str| match on_demand {
            true => json!(0),
            false => declared["ProvisionedThroughput"][of].clone(),
        };
        let (read, written) = match on_demand {
            true => (json!(12_000), json!(4_000)),
            false => (units("ReadCapacityUnits"), units("WriteCapacityUnits")),
        };
        let mut described = json!({
            "AttributeDefinitions": declared["AttributeDefinitions"],
            "CreationDateTime": 1_767_312_000.0,
            "DeletionProtectionEnabled": false,
            // Six hours old at worst: here it is.
            "ItemCount": 0,
            "KeySchema": declared["KeySchema"],
            "ProvisionedThroughput": {
                "NumberOfDecreasesToday": 0,
                "ReadCapacityUnits": units("ReadCapacityUnits"),
                "WriteCapacityUnits": units("WriteCapacityUnits"),
            },
            "TableArn": self.arn("dynamodb", &format!("table/{name}")),
            "TableId": "00000000-0000-4000-8000-000000000000",
            "TableName": name,
            "TableSizeBytes": 0,
            "TableStatus": "ACTIVE",
            "WarmThroughput": {"ReadUnitsPerSecond": read, "Status": "ACTIVE", "WriteUnitsPerSecond": written},
        });
        if on_demand {
            described["BillingModeSummary"] =
                json!({"BillingMode": "PAY_PER_REQUEST", "LastUpdateToPayPerRequestDateTime": 1_767_312_000.0});
        }
        Some(json!({ "Table": described }))
    }

    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTagsOfResource.html>
    fn table_tags(&self, name: &str) -> Option<Value> {
        let declared = self.table(name)?;
        let mut tags = declared["Tags"].as_array().cloned().unwrap_or_default();
        let environment = self.environment_of(name);
        tags.extend(environment.map(|environment| json!({"Key": "qfleet:environment", "Value": environment})));
        Some(json!({ "Tags": tags }))
    }

    /// "If LastEvaluatedKey is empty, then the last page of results has been processed"
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html>).
    fn records_page(&self, name: &str, input: &Value) -> Option<Value> {
        self.table(name)?;
        let wanted = input["ExpressionAttributeValues"].get(":job");
        let all = self.services.tables.items.get(name).cloned().unwrap_or_default();
        let all: Vec<Value> = all
            .into_iter()
            .filter(|item| wanted.is_none_or(|job| item["Job"] == *job))
            .collect();
        let key = |item: &Value| json!({"Job": item["Job"], "Stage": item["Stage"]});
        let start = all.iter().position(|item| key(item) == input["ExclusiveStartKey"]);
        let start = start.map_or(0, |at| at + 1);
        let size = self.services.tables.items_a_page.unwrap_or(usize::MAX);
        let page: Vec<&Value> = all.iter().skip(start).take(size).collect();
        let mut answer = json!({"Count": page.len(), "ScannedCount": page.len()});
        if start + page.len() < all.len() {
            answer["LastEvaluatedKey"] = page.last().map(|item| key(item)).unwrap_or_default();
        }
        if input["Select"] != "COUNT" {
            answer["Items"] = json!(page);
        }
        Some(answer)
    }
}
