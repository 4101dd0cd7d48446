//! Very many files: how many calls counting takes, and what is told meanwhile.

use std::cell::RefCell;

use jiff::Timestamp;
use qfleet::cloud::Cloud;
use qfleet::observe::files::held;

use crate::endpoint::{Endpoint, Script};

#[tokio::test(start_paused = true)]
async fn fifty_thousand_files_are_fifty_calls_and_it_is_told_how_far_they_are_counted() {
    let endpoint = Endpoint::in_memory(Script::new());
    endpoint.world(|world| {
        for number in 0..50_000 {
            world
                .services
                .put_object("lab", &format!("processed/{number:05}"), "ab");
        }
    });
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    let told = RefCell::new(Vec::new());
    let tell = |objects| told.borrow_mut().push(objects);
    let held = held(&cloud, "lab", "processed/", Timestamp::now(), tell).await;
    let held = held.expect("an answer");
    assert_eq!((held.objects, held.bytes), (50_000, 100_000));
    assert!(held.newest.is_some());
    assert_eq!(endpoint.calls("ListObjectsV2").len(), 50);
    assert_eq!(told.into_inner(), [10_000, 20_000, 30_000, 40_000]);
}
