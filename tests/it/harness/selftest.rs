//! What the other tests rely on.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Aws, account, free_port, wait_until};

/// Tests run in parallel on one emulator because an account sees nothing of another.
#[tokio::test]
async fn an_account_sees_only_its_own() {
    let (one, other) = (account(), account());
    assert_ne!(one, other);
    let (one, other) = (Aws::new(&one, "us-east-1"), Aws::new(&other, "us-east-1"));

    let template = r#"{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "selftest"}}}}"#;
    for aws in [&one, &other] {
        aws.cloudformation
            .create_stack()
            .stack_name("selftest")
            .template_body(template)
            .send()
            .await
            .expect("a stack of the same name in either");
    }
    one.s3
        .create_bucket()
        .bucket("selftest-of-one")
        .send()
        .await
        .expect("a bucket");
    one.ssm
        .put_parameter()
        .name("/selftest")
        .value("1")
        .r#type("String".into())
        .send()
        .await
        .expect("a parameter");
    assert!(other.ssm.get_parameter().name("/selftest").send().await.is_err());
    let buckets = other.s3.list_buckets().send().await.expect("its buckets");
    assert!(buckets.buckets().is_empty(), "{buckets:?}");

    let url = one
        .sqs
        .get_queue_url()
        .queue_name("selftest")
        .send()
        .await
        .expect("its queue")
        .queue_url;
    let url = url.expect("a URL");
    one.sqs
        .send_message()
        .queue_url(url)
        .message_body("for one")
        .send()
        .await
        .expect("sent");
    let url = other
        .sqs
        .get_queue_url()
        .queue_name("selftest")
        .send()
        .await
        .expect("its queue")
        .queue_url;
    let received = other
        .sqs
        .receive_message()
        .queue_url(url.expect("a URL"))
        .send()
        .await
        .expect("an answer");
    assert!(received.messages().is_empty(), "{received:?}");

    other
        .cloudformation
        .delete_stack()
        .stack_name("selftest")
        .send()
        .await
        .expect("deleted");
    one.cloudformation
        .describe_stacks()
        .stack_name("selftest")
        .send()
        .await
        .expect("still there");
    let groups = one.groups().await;
    assert!(groups.is_empty(), "{groups:?}");
}

/// This very test binary, run again for one test, is killed with its emulator up.
#[test]
fn the_emulator_dies_with_the_test_process() {
    let port = free_port();
    let mut process = Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "--exact",
            "harness::selftest::helper_that_waits_to_be_killed",
            "--ignored",
            "--nocapture",
        ])
        .env("QFLEET_TEST_PORT", port.to_string())
        .stdout(Stdio::null())
        .spawn()
        .expect("a process");
    let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    wait_until("its emulator answers", listens);
    process.kill().expect("killed");
    process.wait().expect("gone");
    wait_until("its emulator is gone", || !listens());
}

#[test]
#[ignore = "only run by the test above"]
fn helper_that_waits_to_be_killed() {
    let port = std::env::var("QFLEET_TEST_PORT")
        .expect("a port")
        .parse()
        .expect("a number");
    super::emulator::start(port).expect("an emulator");
    std::thread::sleep(Duration::from_secs(60));
}
