//! What somebody else does to a bucket while it is emptied is no failure.

use crate::clock::engine::emptying::{BUCKET, Rig, SECOND, emptied, holding};
use crate::endpoint::{Fault, On, World};

/// The answer to the first call of an action is late, and this happens before it comes.
async fn meanwhile(rig: &Rig, action: &str, happens: impl FnOnce(&mut World)) -> crate::clock::engine::emptying::Ran {
    let first = On::action(action).numbers(1..=1);
    rig.endpoint.rescript(|script| script.fault(first, Fault::Late(SECOND)));
    let happens = async {
        while rig.endpoint.calls(action).is_empty() {
            tokio::time::sleep(SECOND / 20).await;
        }
        rig.endpoint.world(happens);
    };
    futures_util::future::join(rig.destroy(), happens).await.0
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_already_is_no_failure() {
    // One in a call with others, one by itself.
    for key in ["a", "a\u{1}"] {
        for code in ["NoSuchKey", "NoSuchVersion"] {
            let rig = holding(10, [key.to_owned()]).await;
            rig.endpoint
                .world(|world| world.services.keeps(key, code, "It does not exist.", Some(1)));
            rig.destroy().await.well();
            assert_eq!(rig.status("intake"), None, "{key:?} {code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_goes_after_it_was_listed_is_empty() {
    for key in ["a", "a\u{1}"] {
        let rig = holding(10, [key.to_owned()]).await;
        let ran = meanwhile(&rig, "ListObjectVersions", |world| world.services.delete_bucket(BUCKET)).await;
        assert_eq!(emptied(&ran.well()), [(0, 0)], "{key:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_ends_after_it_was_listed_is_no_failure() {
    let rig = holding(10, []).await;
    let upload = rig.endpoint.world(|world| world.services.multiparts.begin(BUCKET, "u"));
    let ran = meanwhile(&rig, "ListMultipartUploads", |world| {
        assert!(world.services.multiparts.abort(&upload));
    });
    ran.await.well();
    assert_eq!(rig.endpoint.calls("AbortMultipartUpload").len(), 1);
}

/// "If any part uploads are currently in progress, those part uploads might or might not succeed": an upload can still be
/// there afterwards (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>).
#[tokio::test(start_paused = true)]
async fn where_only_uploads_were_it_is_looked_for_more_of_them() {
    let rig = holding(10, []).await;
    rig.endpoint.world(|world| world.services.multiparts.begin(BUCKET, "u"));
    let ran = meanwhile(&rig, "AbortMultipartUpload", |world| {
        world.services.multiparts.begin(BUCKET, "u");
    });
    assert_eq!(emptied(&ran.await.well()), [(0, 2)]);
    assert!(rig.endpoint.world(|world| world.services.multiparts.open()).is_empty());
}
