//! Queues, in memory: messages that are sent, received, shown again, deleted and moved. SQS speaks JSON 1.0
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html>).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::calls::Call;
use super::move_tasks::Task;
use super::query::Refusal;

/// The limits of a request
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).
const BATCH: usize = 10;
const LARGEST: usize = 1 << 20;

/// All queues of an account, by URL, and the tasks that move messages between them.
#[derive(Debug, Default, Clone)]
pub struct Queues {
    pub(super) queues: BTreeMap<String, Vec<Message>>,
    pub(super) tasks: Vec<Task>,
    refusals: Vec<EntryRefusal>,
    purged: BTreeMap<String, Instant>,
    pub(super) counter: u64,
    /// Where the next messages that are sent come out, and how many: workers that fail at once.
    pub bounces: Option<(String, u32)>,
    /// How many messages a task moves each time that it is listed.
    pub moved_a_look: usize,
    /// How often a task isn't listed yet after it was started.
    pub unlisted: u32,
    /// How tasks end, and why, when they have moved a message.
    pub tasks_end: Option<(&'static str, &'static str)>,
    /// How often a task that has ended is listed before SQS has counted what it moved.
    pub uncounted: u32,
    /// Nothing is counted yet: "metrics may not achieve consistency until at least 1 minute after the producers stop
    /// sending messages" (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>).
    pub counts_late: bool,
    /// For the same reason, none counts as in flight before this time.
    pub in_flight_from: Option<Instant>,
    /// So many requests to receive bring nothing before each one that may bring something: "false empty responses", which
    /// long polling reduces (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/best-practices-setting-up-long-polling.html>).
    pub empty_receives: u32,
    /// How many of them there were since then.
    emptied: u32,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: String,
    pub body: String,
    pub attributes: Value,
    /// What SQS keeps beside it, e.g. `MessageGroupId`.
    pub system: BTreeMap<String, String>,
    pub receives: u32,
    handle: String,
    hidden_until: Option<Instant>,
}

/// Entries of a batch that fail while the request succeeds.
#[derive(Debug, Clone)]
struct EntryRefusal {
    action: &'static str,
    /// What the message's body contains.
    body: String,
    code: &'static str,
    sender_fault: bool,
    times: u32,
}

impl Queues {
    /// A queue of this URL, with these messages.
    pub fn make(&mut self, url: &str, bodies: &[&str]) {
        self.queues.entry(url.to_owned()).or_default();
        for body in bodies {
            self.put(url, body, Value::Null, BTreeMap::new());
        }
    }

    /// Bodies of the messages in a queue, sorted.
    pub fn bodies(&self, url: &str) -> Vec<String> {
        let mut bodies: Vec<String> = self.queues[url].iter().map(|message| message.body.clone()).collect();
        bodies.sort();
        bodies
    }

    /// The message attribute `JobId` of the messages in a queue, in the order in which they were sent.
    pub fn job_ids(&self, url: &str) -> Vec<String> {
        let id = |message: &Message| Some(message.attributes["JobId"]["StringValue"].as_str()?.to_owned());
        self.queues[url].iter().filter_map(id).collect()
    }

    /// A worker replies to a job.
    pub fn reply(&mut self, url: &str, job_id: &str, body: &str) {
        let attributes = json!({"JobId": {"DataType": "String", "StringValue": job_id}});
        self.put(url, body, attributes, BTreeMap::new());
    }

    /// Bodies of the messages that nobody can receive now.
    pub fn hidden(&self, url: &str, now: Instant) -> Vec<String> {
        let hidden = self.queues[url].iter().filter(|message| !message.is_visible(now));
        hidden.map(|message| message.body.clone()).collect()
    }

    /// Somebody receives all of its messages, and has them in hand until then.
    pub fn take_all(&mut self, url: &str, until: Instant) {
        for message in self.queues.get_mut(url).into_iter().flatten() {
            message.hidden_until = Some(until);
        }
    }

    /// A message of this body fails so many times in requests of this action that succeed for the others.
    pub fn refuse(&mut self, action: &'static str, body: &str, code: &'static str, sender_fault: bool, times: u32) {
        self.refusals.push(EntryRefusal {
            action,
            body: body.to_owned(),
            code,
            sender_fault,
            times,
        });
    }

    fn put(&mut self, url: &str, body: &str, attributes: Value, system: BTreeMap<String, String>) -> String {
        self.counter += 1;
        let id = format!("{:08x}-0000-4000-8000-000000000000", self.counter);
        self.queues.entry(url.to_owned()).or_default().push(Message {
            id: id.clone(),
            body: body.to_owned(),
            attributes,
            system,
            receives: 0,
            handle: String::new(),
            hidden_until: None,
        });
        id
    }

    /// An action of SQS.
    pub fn answer(&mut self, call: &Call) -> Result<Value, Refusal> {
        let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let url = input["QueueUrl"].as_str().unwrap_or_default().to_owned();
        if !url.is_empty() && !self.queues.contains_key(&url) {
            // An environment that the endpoint deploys has queues without messages.
            self.make(&url, &[]);
        }
        match call.action.as_str() {
            "GetQueueAttributes" => Ok(self.attributes(&url, &input, call.at)),
            "SendMessageBatch" => self.send(&url, &input),
            "ReceiveMessage" => Ok(self.receive(&url, &input, call.at)),
            "ChangeMessageVisibilityBatch" => {
                self.each(&url, &input, "ChangeMessageVisibilityBatch", |message, entry| {
                    let seconds = entry["VisibilityTimeout"].as_u64().unwrap_or_default();
                    message.hidden_until = Some(call.at + Duration::from_secs(seconds));
                    true
                })
            }
            "DeleteMessageBatch" => self.each(&url, &input, "DeleteMessageBatch", |_, _| false),
            "PurgeQueue" => {
                let last = self.purged.insert(url.clone(), call.at);
                if last.is_some_and(|last| call.at < last + Duration::from_secs(60)) {
                    let name = url.rsplit('/').next().unwrap_or_default();
                    let message = format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
                    return Err(Refusal::new(403, "PurgeQueueInProgress", message));
                }
                self.queues.entry(url).or_default().clear();
                Ok(json!({}))
            }
            "StartMessageMoveTask" => self.start_task(&input),
            "ListMessageMoveTasks" => Ok(self.list_tasks(&input)),
            other => Err(Refusal::new(
                400,
                "InvalidAction",
                format!("the endpoint has no {other}"),
            )),
        }
    }

    /// Those that were asked for, of a queue with SQS's defaults
    /// (localstack/localstack tests/aws/services/sqs/test_sqs.snapshot.json, test_set_queue_attributes_default_values).
    fn attributes(&self, url: &str, input: &Value, now: Instant) -> Value {
        let hidden = self.hidden(url, now).len();
        let in_flight = match self.in_flight_from {
            Some(from) if now < from => 0,
            _ => hidden,
        };
        let visible = if self.counts_late {
            0
        } else {
            self.queues[url].len() - hidden
        };
        let all = json!({
            "ApproximateNumberOfMessages": visible.to_string(),
            "ApproximateNumberOfMessagesDelayed": "0",
            "ApproximateNumberOfMessagesNotVisible": in_flight.to_string(),
            "CreatedTimestamp": "1767312000",
            "DelaySeconds": "0",
            "LastModifiedTimestamp": "1767312000",
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600",
            "QueueArn": arn_of(url),
            "ReceiveMessageWaitTimeSeconds": "0",
            "SqsManagedSseEnabled": "true",
            "VisibilityTimeout": "30",
        });
        let mut all = all.as_object().cloned().unwrap_or_default();
        all.retain(|name, _| is_asked_for(&input["AttributeNames"], name));
        json!({"Attributes": all})
    }

    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
    fn send(&mut self, url: &str, input: &Value) -> Result<Value, Refusal> {
        let entries = entries(input)?;
        let size: usize = entries.iter().map(|entry| entry.body().len()).sum();
        if size > LARGEST {
            return Err(Refusal::new(
                400,
                "BatchRequestTooLong",
                format!("Batch requests cannot be longer than {LARGEST} bytes. You have sent {size} bytes."),
            ));
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let body = entry.body();
            if let Some(failure) = self.refusal("SendMessageBatch", &entry.id, body) {
                failed.push(failure);
                continue;
            }
            let mut system = BTreeMap::new();
            for name in ["MessageGroupId", "MessageDeduplicationId"] {
                if let Some(value) = entry.value[name].as_str() {
                    system.insert(name.to_owned(), value.to_owned());
                }
            }
            if let Some(trace) = entry.value["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str() {
                system.insert("AWSTraceHeader".to_owned(), trace.to_owned());
            }
            let to = match &mut self.bounces {
                Some((to, times @ 1..)) => {
                    *times -= 1;
                    to.clone()
                }
                _ => url.to_owned(),
            };
            let id = self.put(&to, body, entry.value["MessageAttributes"].clone(), system);
            successful.push(json!({"Id": entry.id, "MessageId": id, "MD5OfMessageBody": ""}));
        }
        Ok(json!({"Successful": successful, "Failed": failed}))
    }

    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
    fn receive(&mut self, url: &str, input: &Value, now: Instant) -> Value {
        let most = input["MaxNumberOfMessages"].as_u64().unwrap_or(1) as usize;
        let seconds = input["VisibilityTimeout"].as_u64().unwrap_or(30);
        if self.emptied < self.empty_receives {
            self.emptied += 1;
            return json!({});
        }
        self.emptied = 0;
        let mut messages = Vec::new();
        let queue = self.queues.entry(url.to_owned()).or_default();
        for message in queue.iter_mut().filter(|message| message.is_visible(now)).take(most) {
            self.counter += 1;
            message.receives += 1;
            message.handle = format!("handle-{}", self.counter);
            message.hidden_until = Some(now + Duration::from_secs(seconds));
            let mut attributes = message.system.clone();
            attributes.insert("SenderId".into(), "AIDAEXAMPLE".into());
            attributes.insert("ApproximateReceiveCount".into(), message.receives.to_string());
            attributes.insert("SentTimestamp".into(), "1767323045678".into());
            attributes.insert("ApproximateFirstReceiveTimestamp".into(), "1767323105000".into());
            // "AttributeNames" is what the other was called before.
            attributes.retain(|name, _| {
                ["MessageSystemAttributeNames", "AttributeNames"]
                    .iter()
                    .any(|names| is_asked_for(&input[*names], name))
            });
            let mut answer = json!({
                "MessageId": message.id,
                "ReceiptHandle": message.handle,
                "Body": message.body,
            });
            if !attributes.is_empty() {
                answer["Attributes"] = json!(attributes);
            }
            if message.attributes.is_object() {
                let mut given = message.attributes.as_object().cloned().unwrap_or_default();
                given.retain(|name, _| is_asked_for(&input["MessageAttributeNames"], name));
                if !given.is_empty() {
                    answer["MessageAttributes"] = given.into();
                }
            }
            messages.push(answer);
        }
        // Nothing at all when there are none (test_receive_empty_queue of the same recordings).
        if messages.is_empty() {
            return json!({});
        }
        json!({"Messages": messages})
    }

    /// Does something to each message that a request names by its handle; it stays when that says so.
    fn each(
        &mut self,
        url: &str,
        input: &Value,
        action: &str,
        change: impl Fn(&mut Message, &Value) -> bool,
    ) -> Result<Value, Refusal> {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries(input)? {
            let handle = entry.value["ReceiptHandle"].as_str().unwrap_or_default();
            let queue = &self.queues[url];
            let Some(at) = queue.iter().position(|message| message.handle == handle) else {
                failed.push(json!({"Id": entry.id, "Code": "ReceiptHandleIsInvalid", "Message":
                    "The input receipt handle is invalid.", "SenderFault": true}));
                continue;
            };
            let body = queue[at].body.clone();
            if let Some(failure) = self.refusal(action, &entry.id, &body) {
                failed.push(failure);
                continue;
            }
            let queue = self.queues.entry(url.to_owned()).or_default();
            if !change(&mut queue[at], entry.value) {
                queue.remove(at);
            }
            successful.push(json!({"Id": entry.id}));
        }
        Ok(json!({"Successful": successful, "Failed": failed}))
    }

    fn refusal(&mut self, action: &str, id: &str, body: &str) -> Option<Value> {
        let refusal = self
            .refusals
            .iter_mut()
            .find(|refusal| refusal.action == action && refusal.times > 0 && body.contains(&refusal.body))?;
        refusal.times -= 1;
        Some(
            json!({"Id": id, "Code": refusal.code, "Message": "as the script says", "SenderFault": refusal.sender_fault}),
        )
    }
}

impl Message {
    fn is_visible(&self, now: Instant) -> bool {
        self.hidden_until.is_none_or(|until| until <= now)
    }
}

struct Entry<'a> {
    id: String,
    value: &'a Value,
}

impl Entry<'_> {
    fn body(&self) -> &str {
        self.value["MessageBody"].as_str().unwrap_or_default()
    }
}

/// The entries of a batch, as SQS takes them.
fn entries(input: &Value) -> Result<Vec<Entry<'_>>, Refusal> {
    let all = input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return Err(Refusal::new(
            400,
            "EmptyBatchRequest",
            "There should be at least one entry.",
        ));
    }
    if all.len() > BATCH {
        let message = format!(
            "Maximum number of entries per request are {BATCH}. You have sent {}.",
            all.len()
        );
        return Err(Refusal::new(400, "TooManyEntriesInBatchRequest", message));
    }
    let is_id = |id: &str| {
        (1..=80).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    if all.iter().any(|value| !value["Id"].as_str().is_some_and(is_id)) {
        let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                       most 80 letters long.";
        return Err(Refusal::new(400, "InvalidBatchEntryId", message));
    }
    let entries = all.iter().map(|value| Entry {
        id: value["Id"].as_str().unwrap_or_default().to_owned(),
        value,
    });
    Ok(entries.collect())
}

/// `https://sqs.us-east-2.amazonaws.com/111122223333/name`
pub fn url_of(arn: &str) -> String {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", "aws", "sqs", region, account, name] => format!("https://sqs.{region}.amazonaws.com/{account}/{name}"),
        _ => arn.to_owned(),
    }
}

/// `arn:aws:sqs:us-east-2:111122223333:name`
pub fn arn_of(url: &str) -> String {
    let parts: Vec<&str> = url.split(['/', '.']).collect();
    match parts.as_slice() {
        ["https:", "", "sqs", region, "amazonaws", "com", account, name] => {
            format!("arn:aws:sqs:{region}:{account}:{name}")
        }
        _ => url.to_owned(),
    }
}

/// Whether an attribute is among the names of a request: by itself, or with all.
fn is_asked_for(names: &Value, name: &str) -> bool {
    let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
    names
        .iter()
        .any(|asked| asked == name || asked == "All" || asked == ".*")
}

/// The code of an error whose name in the newer protocol is another one
/// (localstack/localstack tests/aws/services/sqs/test_sqs_move_task.snapshot.json, test_start_multiple_move_tasks).
pub fn newer_code(code: &str) -> &str {
    match code {
        "InvalidParameterValue" => "InvalidParameterValueException",
        other => other,
    }
}

/// The code that SQS's older protocol has for an error; it comes beside the newer one
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-api-responses.html>).
pub fn older_code(code: &str) -> String {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".to_owned(),
        "BatchRequestTooLong"
        | "EmptyBatchRequest"
        | "InvalidBatchEntryId"
        | "PurgeQueueInProgress"
        | "TooManyEntriesInBatchRequest"
        | "UnsupportedOperation" => format!("AWS.SimpleQueueService.{code}"),
        _ => code.to_owned(),
    }
}
