//! The whole way on the emulator, with the real binary and real workers: deployed, files processed byte for byte,
//! a poison message set aside, destroyed, and every service asked whether anything is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;

use crate::harness::{Aws, Output, Test, account, emulator, find_ministack};

const REGION: &str = "us-east-2";
const PATIENCE: Duration = Duration::from_secs(120);

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python that has boto3: the one beside the emulator.
fn python() -> PathBuf {
    find_ministack().with_file_name("python")
}

fn environment_file(account: &str) -> String {
    let program = repository().join("examples/mover");
    format!(
        "name: way\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 1h\nbucket: {{on_destroy: empty}}\nstages:\n  \
         - name: move\n    from: bucket\n    queue: {{visibility_timeout: 20s, max_receives: 2}}\n    workers:\n      \
         instances: {{program: {program:?}, types: [t3.micro], min: 2, max: 4}}\n    scaling: {{seconds_per_message: \
         1}}\n"
    )
}

/// Real worker processes, ended with the test.
pub struct Workers(Vec<Child>);

impl Workers {
    pub fn start(count: usize, account: &str, settings: &str, folder: &Path) -> Workers {
        let path = format!("{}:/usr/bin:/bin", python().parent().expect("a folder").display());
        let start = |number| {
            let log = std::fs::File::create(folder.join(format!("worker-{number}.log"))).expect("a log");
            Command::new(repository().join("examples/mover/run"))
                .current_dir(repository().join("examples/mover"))
                .env_clear()
                .env("PATH", &path)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .envs(settings.lines().filter_map(|line| line.split_once('=')))
                .env("AWS_ENDPOINT_URL", emulator())
                .env("AWS_ACCESS_KEY_ID", account)
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .env("MOVER_POLL_SECONDS", "1")
                .stdout(log.try_clone().expect("the log"))
                .stderr(log)
                .stdin(Stdio::null())
                .spawn()
                .expect("a worker")
        };
        Workers((0..count).map(start).collect())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

/// 100 files with the names and sizes that trip others up.
fn files() -> BTreeMap<String, Vec<u8>> {
    let odd = [
        "empty.bin",
        "with space.txt",
        "plus+sign.txt",
        "percent%20.txt",
        "quote'and\"double.txt",
        "emoji-🚚.txt",
        "ümläut.txt",
        "folder/in/folder.txt",
        "a&b=c;d.txt",
        "trailing.",
    ];
    let mut files: BTreeMap<String, Vec<u8>> = odd
        .iter()
        .enumerate()
        .map(|(n, name)| ((*name).to_owned(), format!("{n} {name}").into_bytes()))
        .collect();
    files.insert("empty.bin".into(), Vec::new());
    files.insert(
        "large.bin".into(),
        (0..20 << 20).map(|n: u32| (n % 251) as u8).collect(),
    );
    for n in files.len()..100 {
        files.insert(format!("plain-{n}.txt"), vec![b'x'; n * 37]);
    }
    files
}

/// Everything that services hold in this account, as the lab asks them.
pub fn everything(account: &str) -> serde_json::Value {
    let script = "import json, sys; sys.path.insert(0, 'tests/lab'); import leftovers\n\
                  held = leftovers.Services(*sys.argv[1:]).everything()\n\
                  print(json.dumps({kind: sorted(names) for kind, names in held.items() if names}))";
    let asked = Command::new(python())
        .args(["-B", "-c", script, emulator(), account, REGION])
        .current_dir(repository())
        .output()
        .expect("python runs");
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    serde_json::from_slice(&asked.stdout).expect("JSON")
}

async fn keys(aws: &Aws, bucket: &str, prefix: &str) -> Vec<String> {
    let listed = aws
        .s3
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .send()
        .await
        .expect("a listing");
    listed
        .contents()
        .iter()
        .filter_map(|object| object.key())
        .map(str::to_owned)
        .collect()
}

async fn depth(aws: &Aws, url: &str) -> (String, String) {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let asked = aws
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .set_attribute_names(Some(names.to_vec()));
    let all = asked.send().await.expect("attributes");
    let [visible, in_flight] = names.map(|name| all.attributes().expect("some")[&name].clone());
    (visible, in_flight)
}

async fn until<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, mut look: impl AsyncFnMut() -> T) {
    let started = Instant::now();
    loop {
        let seen = look().await;
        if seen == wanted {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: {seen:?}, not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_arrives_and_nothing_is_left() {
    let account = account();
    let before = everything(&account);
    let aws = Aws::new(&account, REGION);
    let deployed = tokio::task::block_in_place(|| {
        let test = Test::new().file("way.yaml", environment_file(&account));
        test.args(["deploy", "way.yaml", "--yes", "--output", "json"])
            .emulated()
            .run()
    });
    let report = deployed.json();
    let output = |part: &str, key: &str| report["outputs"][part][key].as_str().expect("an output").to_owned();
    let (bucket, queue, dlq) = (
        output("intake", "BucketName"),
        output("move", "QueueUrl"),
        output("move", "DeadLetterQueueUrl"),
    );

    let files = files();
    assert_eq!(files.len(), 100);
    for (name, content) in &files {
        let put = aws.s3.put_object().bucket(&bucket).key(format!("uploads/{name}"));
        put.body(content.clone().into())
            .send()
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let workers = Workers::start(2, &account, &output("move", "WorkerEnvironment"), deployed.folder());
    until("processed/", files.len(), async || {
        keys(&aws, &bucket, "processed/").await.len()
    })
    .await;
    until("uploads/", 0, async || keys(&aws, &bucket, "uploads/").await.len()).await;
    for (name, content) in &files {
        let got = aws
            .s3
            .get_object()
            .bucket(&bucket)
            .key(format!("processed/{name}"))
            .send()
            .await;
        let bytes = got
            .unwrap_or_else(|error| panic!("{name}: {error:?}"))
            .body
            .collect()
            .await
            .expect("bytes");
        assert!(bytes.into_bytes() == *content, "{name} arrived changed");
    }
    let empty = || ("0".to_owned(), "0".to_owned());
    until("the queue", empty(), async || depth(&aws, &queue).await).await;
    assert_eq!(depth(&aws, &dlq).await, empty());

    aws.sqs
        .send_message()
        .queue_url(&queue)
        .message_body("not a job")
        .send()
        .await
        .expect("sent");
    until("the dead-letter queue", "1".to_owned(), async || {
        depth(&aws, &dlq).await.0
    })
    .await;
    tokio::task::block_in_place(|| status_says_one_dead_letter(&deployed));
    drop(workers);

    tokio::task::block_in_place(|| {
        deployed.then().args(["destroy", "way.yaml", "--yes"]).emulated().run();
    });
    assert_eq!(everything(&account), before, "something is left");
}

fn status_says_one_dead_letter(deployed: &Output) {
    let status = deployed
        .then()
        .args(["status", "way.yaml", "--output", "json"])
        .emulated()
        .run()
        .json();
    assert_eq!(status["stages"][0]["dead_letters"]["visible"], 1, "{status}");
}
