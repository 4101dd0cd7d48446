use assert_cmd::Command;

#[test]
fn the_schema_beside_the_shipped_files_is_the_one_of_the_program() {
    let printed = Command::cargo_bin("qfleet").unwrap().arg("schema").assert().success();
    let printed = String::from_utf8(printed.get_output().stdout.clone()).unwrap();
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/schema.json")).unwrap();
    assert!(
        printed == shipped,
        "stacks/schema.json is out of date: run `cargo run -- schema > stacks/schema.json`"
    );
}
