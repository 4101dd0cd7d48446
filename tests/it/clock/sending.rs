//! Objects that are put where nothing is taken, or little: given up in time there, and never cut off here. In memory, on a
//! clock that stands still.

use std::time::Duration;

use qfleet::cloud::Cloud;
use qfleet::cloud::s3::uploads::Piece;
use tokio::time::Instant;

use crate::endpoint::{Endpoint, Script, Taking};

const BUCKET: &str = "lab-artifacts";
const MIB: u64 = 1 << 20;

fn cloud(taking: Taking) -> (Endpoint, Cloud) {
    let endpoint = Endpoint::in_memory(Script::new().taking(taking));
    endpoint.world(|world| {
        world.services.make_bucket(BUCKET);
    });
    let cloud = Cloud::over(endpoint.http_client(), "111122223333", "us-east-2");
    (endpoint, cloud)
}

/// From memory, as programs are put, and from a file, as they are sent to workers.
async fn put(cloud: &Cloud, from_memory: bool, length: u64) -> Result<(), qfleet::cloud::CloudError> {
    let bytes = vec![7; length as usize];
    if from_memory {
        return cloud.put_object_once(BUCKET, "program.zip", bytes).await.map(drop);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).expect("a file");
    let piece = Piece {
        path: &path,
        offset: 0,
        length,
    };
    cloud.put_file(BUCKET, "file", piece).await
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_any_more_is_given_up_and_said() {
    for from_memory in [true, false] {
        for (length, taken) in [(MIB / 8, 0), (8 * MIB, 0), (8 * MIB, 5 * MIB), (8 * MIB, 8 * MIB - 1)] {
            let what = format!("{taken} of {length}, from memory: {from_memory}");
            let (_endpoint, cloud) = cloud(Taking::Stops(taken));
            let began = Instant::now();
            let error = put(&cloud, from_memory, length).await.expect_err("not taken");
            let took = began.elapsed();
            assert!(took > Duration::from_secs(175), "{what}: {took:?}");
            assert!(took < Duration::from_secs(215), "{what}: {took:?}");
            let said = error.to_string();
            let expected = "http://in.memory took nothing more of what is sent to it, for 60 s (tried 3 times";
            assert!(said.contains(expected), "{what}: {said}");
        }
    }
}

/// 4 KiB a second: 16 MiB take more than an hour.
#[tokio::test(start_paused = true)]
async fn what_is_taken_slowly_is_never_cut_off() {
    for from_memory in [true, false] {
        let (endpoint, cloud) = cloud(Taking::Slowly(4 << 10));
        let began = Instant::now();
        put(&cloud, from_memory, 16 * MIB)
            .await
            .unwrap_or_else(|error| panic!("from memory: {from_memory}: {error}"));
        assert!(began.elapsed() > Duration::from_secs(4_000), "{:?}", began.elapsed());
        assert_eq!(endpoint.calls("PutObject").len(), 1);
        let key = if from_memory { "program.zip" } else { "file" };
        let length = endpoint.world(|world| world.services.object(BUCKET, key).map(|bytes| bytes.len() as u64));
        assert_eq!(length, Some(16 * MIB));
    }
}
