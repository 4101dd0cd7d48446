//! What a local fleet answers in Auto Scaling's place.

use aws_sdk_autoscaling::error::ProvideErrorMetadata;

use crate::emulator::local_fleet::place::{Place, Plan};

#[test]
fn the_api_that_the_emulator_lacks_is_answered() {
    let place = Place::new(Plan::new("api", 1, 2)).up();
    let before = place.in_service(1);
    let id = before.first_key_value().expect("an instance").0;
    let state = place.state().expect("a state");
    place.aws(async |aws| {
        let config = aws
            .autoscaling
            .config()
            .to_builder()
            .endpoint_url(&state.autoscaling_endpoint);
        let client = aws_sdk_autoscaling::Client::from_conf(config.build());
        let listed = client
            .describe_auto_scaling_instances()
            .instance_ids(id)
            .send()
            .await
            .expect("instances");
        let instance = &listed.auto_scaling_instances()[0];
        assert_eq!(instance.instance_id(), Some(id.as_str()));
        assert_eq!(instance.lifecycle_state(), Some("InService"));
        assert_eq!(instance.auto_scaling_group_name(), Some(state.groups[0].group.as_str()));
        // Everything else is the emulator's.
        let groups = client.describe_auto_scaling_groups().send().await.expect("groups");
        assert_eq!(groups.auto_scaling_groups()[0].max_size(), Some(2));

        let end = |id: &str, decrement| {
            let call = client.terminate_instance_in_auto_scaling_group().instance_id(id);
            call.should_decrement_desired_capacity(decrement).send()
        };
        let unknown = end("i-0123456789abcdef0", false).await.expect_err("is unknown");
        assert_eq!(unknown.code(), Some("ValidationError"));
        assert!(
            unknown
                .message()
                .is_some_and(|message| message.contains("No managed instance found"))
        );
        let too_few = end(id, true).await.expect_err("is refused");
        assert!(
            too_few
                .message()
                .is_some_and(|message| message.contains("violate group's min size"))
        );
        let hook = client
            .complete_lifecycle_action()
            .lifecycle_hook_name("drain")
            .lifecycle_action_result("CONTINUE");
        let hook = hook
            .auto_scaling_group_name(&state.groups[0].group)
            .instance_id(id)
            .send();
        let hook = hook.await.expect_err("is not waiting");
        assert!(
            hook.message()
                .is_some_and(|message| message.contains("No active Lifecycle Action found"))
        );

        let begun = end(id, false).await.expect("begins");
        let activity = begun.activity().expect("an activity");
        assert!(activity.description().is_some_and(|text| text.contains(id.as_str())));
        assert!(
            activity
                .cause()
                .is_some_and(|text| text.contains("in response to a user request."))
        );
    });
    place.until("it is replaced", || {
        let group = place.group();
        (group.in_service() == 1 && group.instances.iter().all(|one| one.id != *id)).then_some(())
    });
    assert!(place.notes().contains(&(id.clone(), "ended".to_owned())));

    // A page in a browser can send this, but can't sign it.
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .build()
        .new_agent();
    let form = "Action=TerminateInstanceInAutoScalingGroup&InstanceId=i-1&ShouldDecrementDesiredCapacity=false";
    let answer = agent.post(&state.autoscaling_endpoint).send(form).expect("answers");
    assert_eq!(answer.status(), 403);
}
