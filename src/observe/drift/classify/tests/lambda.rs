//! Functions, and what brings them their messages.

use super::*;

const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
const FUNCTION: &str = "AWS::Lambda::Function";

#[test]
fn each_difference_of_a_function_or_its_mapping_has_its_class() {
    let rows = [
        (
            Class::Dangerous,
            MAPPING,
            "Enabled",
            json!({"Enabled": true}),
            json!({"Enabled": false}),
        ),
        (
            Class::Dangerous,
            MAPPING,
            "FunctionName",
            json!({"FunctionName": "a"}),
            json!({"FunctionName": "b"}),
        ),
        (
            Class::Dangerous,
            MAPPING,
            "FilterCriteria",
            json!({}),
            json!({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}),
        ),
        (
            Class::Dangerous,
            MAPPING,
            "FunctionResponseTypes",
            json!({"FunctionResponseTypes": ["ReportBatchItemFailures"]}),
            json!({"FunctionResponseTypes": []}),
        ),
        (
            Class::Unexpected,
            MAPPING,
            "BatchSize",
            json!({"BatchSize": 5}),
            json!({"BatchSize": 6}),
        ),
        (
            Class::Dangerous,
            FUNCTION,
            "Code/CodeSha256",
            json!({}),
            json!({"CodeSha256": "00"}),
        ),
        (
            Class::Dangerous,
            FUNCTION,
            "Role",
            json!({"Role": "a"}),
            json!({"Role": "b"}),
        ),
        (
            Class::Dangerous,
            FUNCTION,
            "ReservedConcurrentExecutions",
            json!({}),
            json!({"ReservedConcurrentExecutions": 0}),
        ),
        (
            Class::Unexpected,
            FUNCTION,
            "ReservedConcurrentExecutions",
            json!({}),
            json!({"ReservedConcurrentExecutions": 5}),
        ),
        (
            Class::Unexpected,
            FUNCTION,
            "Timeout",
            json!({"Timeout": 30}),
            json!({"Timeout": 3}),
        ),
        (
            Class::Equal,
            FUNCTION,
            "Timeout",
            json!({"Timeout": 30}),
            json!({"Timeout": "30"}),
        ),
        (Class::Dangerous, FUNCTION, "", json!(null), json!(null)),
        (Class::Dangerous, MAPPING, "", json!(null), json!(null)),
    ];
    each_has_its_class(&rows);
}
