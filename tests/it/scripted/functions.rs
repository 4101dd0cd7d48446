//! A stage whose workers are a Lambda function: what is said of it, what is found in it, and how it goes.

mod destroy;
mod drift;
mod status;

use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Existing, Script, ScriptedFunction, ScriptedMapping};
use crate::harness::Test;

const QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-move";
const DEAD_LETTERS: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-move-dlq";
const FUNCTION: &str = "lab-move-Function-1A2B";
/// What was packed and uploaded.
const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const TEMPLATE: &str = "\
Parameters:
  ProgramKey: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: lab-move}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: lab-move-Function-1A2B
      Description: Worker of the stage move of lab
      Handler: mover.function.handler
      Runtime: python3.13
      Architectures: [arm64]
      Code: {S3Bucket: lab-artifacts, S3Key: !Ref ProgramKey}
      MemorySize: 256
      Timeout: 30
      Role: arn:aws:iam::111122223333:role/lab-role
      LoggingConfig: {LogGroup: /qfleet/lab-move}
      Environment: {Variables: {QFLEET_QUEUE_URL: !Ref Queue, QFLEET_MESSAGES_AT_ONCE: '5'}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Queue.Arn
      FunctionName: !Ref Function
      Enabled: true
      BatchSize: 5
      MaximumBatchingWindowInSeconds: 0
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig: {MaximumConcurrency: 20}
";

/// As the template has it, with its functions worked out.
fn mapping(state: &str) -> ScriptedMapping {
    ScriptedMapping {
        state: state.into(),
        changed: json!({
            "EventSourceArn": "arn:aws:sqs:us-east-2:111122223333:lab-move",
            "FunctionName": FUNCTION,
        }),
        ..ScriptedMapping::default()
    }
}

/// The same with something that somebody set.
fn set(changed: &mut Value, by_hand: Value) {
    let changed = changed.as_object_mut().expect("an object");
    changed.extend(by_hand.as_object().cloned().expect("an object"));
}

/// The stack of such a stage, in an account where this goes on beside.
fn serve(script: Script) -> Endpoint {
    let stack = Existing::new("lab-move", "CREATE_COMPLETE")
        .tag("qfleet:environment", "lab")
        .tag("qfleet:part", "move")
        .tag("qfleet:protect", "false")
        .tag("qfleet:on-destroy", "empty")
        .body(TEMPLATE)
        .parameter("ProgramKey", &format!("programs/move/{HASH}.zip"))
        .output("QueueUrl", QUEUE)
        .output("QueueName", "lab-move")
        .output("DeadLetterQueueUrl", DEAD_LETTERS)
        .output("LogGroupName", "/qfleet/lab-move")
        .output("FunctionName", FUNCTION);
    let endpoint = Endpoint::serve(script.existing(stack));
    endpoint.world(|world| {
        let stage = world.find("lab-move").expect("the stage");
        let mapping = world.stacks[stage].resource("Mapping").expect("the mapping");
        let uuid = mapping.physical_id.clone().expect("its id");
        let outputs = &mut world.stacks[stage].outputs;
        outputs.insert("EventSourceMappingId".into(), uuid);
        world.services.queues.make(QUEUE, &[]);
        world.services.queues.make(DEAD_LETTERS, &[]);
    });
    endpoint
}

/// One that works.
fn well() -> Script {
    Script::new().mapping(mapping("Enabled")).function(function(|_| {}))
}

fn at(endpoint: &Endpoint) -> Test {
    Test::new()
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_REGION", "us-east-2")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
}

fn function(change: impl FnOnce(&mut ScriptedFunction)) -> ScriptedFunction {
    let mut function = ScriptedFunction {
        changed: json!({
            "Environment": {"Variables": {"QFLEET_QUEUE_URL": QUEUE, "QFLEET_MESSAGES_AT_ONCE": "5"}},
        }),
        ..ScriptedFunction::default()
    };
    change(&mut function);
    function
}
