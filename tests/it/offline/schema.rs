use crate::harness::{Test, is_current};

#[test]
fn the_schema_beside_the_shipped_files_is_the_one_of_the_program() {
    is_current("stacks/schema.json", &Test::new().args(["schema"]).run().stdout);
}
