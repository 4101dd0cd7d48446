//! What reads show, calls that go wrong, and requests that break the service model.

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::config::timeout::TimeoutConfig;
use aws_sdk_cloudformation::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudformation::error::SdkError;
use aws_sdk_cloudformation::types::ChangeSetType;
use tokio::time::{Instant, sleep};

use crate::endpoint::{Endpoint, Existing, Fault, Happening, On, Script};
use crate::harness::{account, emulator};
use crate::scripted::rules::{
    TWO_QUEUES, all_stacks, client, config, creating, delete, deleting, deployed, describing, describing_events, draft,
    events, execute, executing, first_page, made, refusal, settled, status,
};

#[tokio::test(start_paused = true)]
async fn reads_after_an_order_may_be_stale() {
    let endpoint = Endpoint::in_memory(Script::new().stale_reads(3));
    let client = client(&endpoint);
    let id = draft(&client, "lab", ChangeSetType::Create, TWO_QUEUES, &[]).await;
    execute(&client, &id).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(status(&client, "lab").await, "REVIEW_IN_PROGRESS");
    assert_eq!(events(&client, "lab").await.len(), 1);
    assert_eq!(status(&client, "lab").await, "REVIEW_IN_PROGRESS");
    assert_eq!(status(&client, "lab").await, "CREATE_COMPLETE");
}

#[tokio::test(start_paused = true)]
async fn lists_are_paged_and_events_come_newest_first() {
    let script = Script::new()
        .page(10)
        .chatter("lab", "Queue", 42)
        .existing(Existing::new("a", "CREATE_COMPLETE").events(25));
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    deployed(&client, "lab", TWO_QUEUES).await;
    assert_eq!(events(&client, "lab").await.len(), 9 + 42);
    assert_eq!(endpoint.calls("DescribeStackEvents").len(), 6);
    let page = first_page(&client, "a").await;
    assert_eq!(
        page[0].resource_status().map(|status| status.as_str()),
        Some("CREATE_COMPLETE")
    );
    assert_eq!(page.len(), 10);
    let wrong = describing_events(&client, "a").next_token("made-up");
    assert_eq!(refusal(wrong.send().await).0, "ValidationError");
    let all = all_stacks(&client).await;
    assert_eq!((all[0].stack_name(), all[1].stack_name()), (Some("lab"), Some("a")));
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].enable_termination_protection(), Some(false));
    endpoint.rescript(Script::listings_leave_protection_out);
    let all = all_stacks(&client).await;
    assert_eq!(all[0].enable_termination_protection(), None);
    let resources = client
        .list_stack_resources()
        .stack_name("lab")
        .send()
        .await
        .expect("resources");
    assert_eq!(resources.stack_resource_summaries().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_service_model_disagrees_and_the_test_is_told() {
    let endpoint = Endpoint::in_memory(Script::new().expects_complaints());
    let client = client(&endpoint);
    let (code, message) = refusal(describing(&client, "no spaces!").send().await);
    assert_eq!(code, "ValidationError");
    // DescribeStacks' own pattern; and lengths, required members and enums of CreateChangeSet.
    let creating = |kind: &str| creating(&client, "lab", ChangeSetType::from(kind), TWO_QUEUES);
    let named = creating("CREATE").change_set_name("1-digit-first");
    let (_, pattern) = refusal(named.send().await);
    assert!(
        pattern
            .contains("'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern"),
        "{pattern}"
    );
    let (_, missing) = refusal(creating("CREATE").set_stack_name(None).send().await);
    assert!(
        missing.contains("Value null at 'stackName' failed to satisfy constraint: Member must not be null"),
        "{missing}"
    );
    let (_, words) = refusal(creating("CHANGE").send().await);
    assert!(
        words.contains("Member must satisfy enum value set: [CREATE, UPDATE, IMPORT]"),
        "{words}"
    );
    assert_eq!(
        endpoint.complaints().len(),
        3 + usize::from(message.contains("pattern"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_others_do_happens_in_its_time() {
    let script = Script::new()
        .existing(Existing::new("lab", "CREATE_COMPLETE"))
        .existing(Existing::new("busy", "UPDATE_IN_PROGRESS").ends(Duration::from_secs(20), "UPDATE_COMPLETE"))
        .at(
            Duration::from_secs(10),
            Happening::Operation {
                stack: "lab".into(),
                during: "UPDATE_IN_PROGRESS".into(),
                takes: Duration::from_secs(30),
                then: "UPDATE_ROLLBACK_COMPLETE".into(),
            },
        )
        .at(Duration::from_secs(60), Happening::Delete { stack: "lab".into() });
    let endpoint = Endpoint::in_memory(script);
    let client = client(&endpoint);
    let seen = async |seconds: u64, stack: &str| {
        sleep(Duration::from_secs(seconds)).await;
        status(&client, stack).await
    };
    assert_eq!(seen(9, "lab").await, "CREATE_COMPLETE");
    assert_eq!(seen(2, "lab").await, "UPDATE_IN_PROGRESS");
    assert_eq!(seen(8, "busy").await, "UPDATE_IN_PROGRESS");
    assert_eq!(seen(2, "busy").await, "UPDATE_COMPLETE");
    assert_eq!(seen(20, "lab").await, "UPDATE_ROLLBACK_COMPLETE");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(endpoint.stacks(), ["busy"]);
}

#[tokio::test(start_paused = true)]
async fn calls_go_wrong_as_scripted_and_are_counted() {
    let script = Script::new()
        .existing(Existing::new("lab", "CREATE_COMPLETE"))
        .fault(On::action("DescribeStacks").numbers(1..=1), Fault::throttling())
        .fault(On::action("DescribeStacks").numbers(2..=2), Fault::internal_failure())
        .fault(On::action("DescribeStacks").numbers(3..=3), Fault::Cut)
        .fault(On::action("DescribeStacks").numbers(4..=4), Fault::Stall)
        .fault(On::action("DescribeStacks").numbers(5..=5), Fault::expired_token())
        .fault(
            On::action("DescribeStacks").numbers(6..=6),
            Fault::access_denied("DescribeStacks"),
        )
        .fault(On::action("DeleteStack").stack("lab"), Fault::CutAfterEffect)
        .fault(
            On::action("DescribeStacks").after(Duration::from_secs(3000)),
            Fault::unavailable(),
        )
        .at_most("ListChangeSets", 2);
    let endpoint = Endpoint::in_memory(script);
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_secs(60)).build();
    let client = Client::from_conf(
        config()
            .http_client(endpoint.http_client())
            .endpoint_url("http://in.memory")
            .timeout_config(timeouts)
            .build(),
    );
    let ask = || describing(&client, "lab").send();
    assert_eq!(
        refusal(ask().await),
        ("Throttling".to_owned(), "Rate exceeded".to_owned())
    );
    assert_eq!(refusal(ask().await).0, "InternalFailure");
    assert!(matches!(ask().await, Err(SdkError::DispatchFailure(failure)) if failure.is_io()));
    let started = Instant::now();
    assert!(matches!(ask().await, Err(SdkError::DispatchFailure(failure)) if failure.is_timeout()));
    assert!(started.elapsed() >= Duration::from_secs(60));
    assert_eq!(refusal(ask().await).0, "ExpiredToken");
    assert_eq!(refusal(ask().await).0, "AccessDenied");
    ask().await.expect("after that, it answers");
    let list = || client.list_change_sets().stack_name("lab").send();
    for _ in 0..2 {
        list().await.expect("two a second");
    }
    assert_eq!(refusal(list().await).0, "Throttling");
    assert!(deleting(&client, "lab").send().await.is_err());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(endpoint.stacks(), [] as [&str; 0], "the request took effect");
    sleep(Duration::from_secs(3000)).await;
    assert_eq!(refusal(ask().await).0, "ServiceUnavailable");
    assert_eq!(endpoint.calls("DescribeStacks").len(), 8);
    assert_eq!(endpoint.calls_a_second("DescribeStacks")[0], 4);
    assert!(
        endpoint
            .calls("DescribeStacks")
            .iter()
            .all(|call| call.stack.as_deref() == Some("lab"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_sdk_repeats_what_was_lost_and_nothing_is_done_twice() {
    let script = Script::new()
        .fault(On::action("CreateChangeSet").numbers(1..=1), Fault::CutAfterEffect)
        .fault(On::action("ExecuteChangeSet").numbers(1..=1), Fault::CutAfterEffect);
    let endpoint = Endpoint::in_memory(script);
    let retries = RetryConfig::standard().with_max_attempts(3);
    let client = Client::from_conf(
        config()
            .http_client(endpoint.http_client())
            .endpoint_url("http://in.memory")
            .retry_config(retries)
            .build(),
    );
    let create = creating(&client, "lab", ChangeSetType::Create, TWO_QUEUES);
    let id = made(create.client_token("one")).await;
    let (code, _) = refusal(executing(&client, &id).client_request_token("two").send().await);
    assert_eq!(code, "InvalidChangeSetStatus", "it was executed the first time");
    assert_eq!(settled(&client, "lab").await, "CREATE_COMPLETE");
    assert_eq!(
        (
            endpoint.calls("CreateChangeSet").len(),
            endpoint.calls("ExecuteChangeSet").len()
        ),
        (2, 2)
    );
    assert_eq!(
        events(&client, "lab")
            .await
            .iter()
            .filter(|event| event.starts_with("lab CREATE_IN_PROGRESS"))
            .count(),
        1
    );
}

#[tokio::test]
async fn over_tcp_it_is_the_same_and_connections_are_cut_and_stalled() {
    let script = Script::new()
        .fault(On::action("DescribeStacks").numbers(1..=1), Fault::Cut)
        .fault(On::action("DescribeStacks").numbers(2..=2), Fault::Stall);
    let endpoint = Endpoint::serve(script);
    let client = |seconds: f32| {
        let timeout = Duration::from_secs_f32(seconds);
        let timeouts = TimeoutConfig::builder().read_timeout(timeout).build();
        Client::from_conf(config().endpoint_url(endpoint.url()).timeout_config(timeouts).build())
    };
    let (impatient, client) = (client(0.3), client(60.0));
    match client.describe_stacks().send().await {
        Err(SdkError::DispatchFailure(failure)) => assert!(!failure.is_timeout() && !failure.is_user(), "{failure:?}"),
        other => panic!("an answer: {other:?}"),
    }
    let stalled = impatient.describe_stacks().send().await;
    assert!(matches!(stalled, Err(SdkError::DispatchFailure(failure)) if failure.is_timeout()));
    let stack = deployed(&client, "lab", TWO_QUEUES).await;
    delete(&client, "lab").await;
    assert_eq!(settled(&client, &stack).await, "DELETE_COMPLETE");
}

#[tokio::test]
async fn what_it_does_not_play_is_forwarded_to_the_emulator() {
    let endpoint = Endpoint::serve(Script::new().forward_to(emulator()));
    let account = account();
    let client = |url: &str| {
        aws_sdk_ssm::Client::from_conf(
            aws_sdk_ssm::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-2"))
                .credentials_provider(Credentials::new(&account, "secret", None, None, "test"))
                .endpoint_url(url)
                .build(),
        )
    };
    let put = client(endpoint.url()).put_parameter().name("/here").value("there");
    put.r#type(aws_sdk_ssm::types::ParameterType::String)
        .send()
        .await
        .expect("put");
    let got = client(emulator())
        .get_parameter()
        .name("/here")
        .send()
        .await
        .expect("got");
    assert_eq!(got.parameter().and_then(|parameter| parameter.value()), Some("there"));
    assert_eq!(endpoint.calls("PutParameter").len(), 1);
}
