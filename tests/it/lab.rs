//! The environment that most tests are about, and the real binary sent to the scriptable endpoint with it.

use crate::endpoint::Endpoint;
use crate::harness::Test;

/// Stacks in the order of their needs: lab-artifacts and lab-intake, lab-work, lab-dashboard.
pub const LAB: &str = "\
name: lab
region: us-east-2
bucket: {on_destroy: empty}
stages:
  - name: work
    from: bucket
    queue: {visibility_timeout: 2m}
    workers:
      instances: {program: program, types: [t3.micro], min: 1, max: 3}
    scaling: {seconds_per_message: 1}
";

/// A folder with a program and this as `lab.yaml`.
pub fn with_file(file: &str) -> Test {
    Test::new()
        .file("lab.yaml", file)
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
}

/// The same, and the endpoint is AWS.
pub fn with_file_at(endpoint: &Endpoint, file: &str) -> Test {
    with_file(file)
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
}

/// [`LAB`] at this endpoint.
pub fn at(endpoint: &Endpoint) -> Test {
    with_file_at(endpoint, LAB)
}
