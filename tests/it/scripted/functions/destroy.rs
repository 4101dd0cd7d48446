//! What is left of it.

use super::*;

/// What its function has in hand isn't waited for: the clock is a real one.
fn destroy(endpoint: &Endpoint, status: i32) -> Value {
    let destroy = at(endpoint).args(["destroy", "--name", "lab", "--yes", "--no-drain", "--output", "json"]);
    destroy.status(status).run().json()["receipt"].clone()
}

fn row(receipt: &Value, name: &str) -> (Value, Value, Value) {
    let mut rows = receipt["resources"].as_array().expect("rows").iter();
    let row = rows
        .find(|row| row["name"] == name)
        .unwrap_or_else(|| panic!("{name} in {receipt:#}"));
    (row["fate"].clone(), row["evidence"].clone(), row["remove_with"].clone())
}

#[test]
fn a_function_and_its_mapping_are_asked_for() {
    let endpoint = serve(well());
    let uuid = endpoint.world(|world| {
        let stage = world.find("lab-move").expect("the stage");
        world.stacks[stage].outputs["EventSourceMappingId"].clone()
    });
    let receipt = destroy(&endpoint, 0);
    let gone = |by: &str| (json!("deleted"), json!(by), Value::Null);
    assert_eq!(row(&receipt, FUNCTION), gone("GetFunction"));
    assert_eq!(row(&receipt, &uuid), gone("GetEventSourceMapping"));
}

/// One that was told to log elsewhere, for a while: Lambda makes a log group that is in no stack and has no tags.
#[test]
fn a_log_group_that_lambda_made_for_it_is_left_over() {
    let made = format!("/aws/lambda/{FUNCTION}");
    let other = "/aws/lambda/lab-move-Function-of-somebody-else";
    let script = well()
        .left("AWS::Logs::LogGroup", &made)
        .left("AWS::Logs::LogGroup", other);
    let receipt = destroy(&serve(script), 1);
    let remove = format!("aws logs delete-log-group --log-group-name {made} --region us-east-2");
    assert_eq!(
        row(&receipt, &made),
        (json!("left_over"), json!("DescribeLogGroups"), json!(remove))
    );
    let rows = receipt["resources"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["name"] != other), "{rows:#?}");
}

/// Found by its tag: an earlier destroy gave it up, or somebody made it so.
#[test]
fn a_function_with_its_tag_is_left_over() {
    let function = "lab-move-Function-2C3D";
    let arn = format!("arn:aws:lambda:us-east-2:111122223333:function:{function}");
    let script = well().left("AWS::Lambda::Function", function).listed("lab", &arn);
    let receipt = destroy(&serve(script), 1);
    let remove = format!("aws lambda delete-function --function-name {function} --region us-east-2");
    assert_eq!(
        row(&receipt, function),
        (json!("left_over"), json!("GetFunction"), json!(remove))
    );
}
