use std::process::Command;

use crate::harness::find_ministack;

#[test]
fn what_is_known_of_resources_is_what_the_pinned_schemas_say() {
    let python = find_ministack().with_file_name("python3");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/resource_schemas.py");
    let checked = Command::new(python)
        .args([script, "--check"])
        .output()
        .expect("Python runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
