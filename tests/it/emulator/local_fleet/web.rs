//! A web tier in a local fleet: the page of examples/web before the workers of examples/mover, asked what a browser asks.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::emulator::local_fleet::place::{Place, Plan, kill_group};
use crate::harness::lives;

const WEB: &str = concat!(
    "bucket: {on_destroy: empty}\nresults: {ttl: 1d}\nweb:\n  instances: {program: \"",
    env!("CARGO_MANIFEST_DIR"),
    "/examples/web\", types: [t3.micro], min: 2, max: 2, drain_timeout: 30s}\n  feeds: [work]\n  clients: [203.0.113.0/24]\n",
);

/// A request, as a browser sends it: status and body of the answer. None where nobody listens.
fn ask(url: &str, content_type: &str, body: Option<&[u8]>) -> Option<(u16, String)> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/').unwrap_or((&url[7..], ""));
    let mut stream = TcpStream::connect(host).ok()?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).ok()?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let (head, body) = said.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Uploads a file by the page's link, as its JavaScript does; the name that it got.
fn drop_file(url: &str, name: &str, content: &str) -> String {
    let asked = json!({"name": name}).to_string();
    let (status, link) = ask(&format!("{url}/api/links"), "application/json", Some(asked.as_bytes())).expect("a link");
    assert_eq!(status, 200, "{link}");
    let link: Value = serde_json::from_str(&link).expect("JSON");
    let mut form = String::new();
    for (field, value) in link["fields"].as_object().expect("fields") {
        let value = value.as_str().expect("text");
        form += &format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
    }
    form += &format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--b--\r\n"
    );
    let bucket = link["url"].as_str().expect("a URL");
    let (status, said) = ask(bucket, "multipart/form-data; boundary=b", Some(form.as_bytes())).expect("an answer");
    assert!((200..300).contains(&status), "{status} {said}");
    link["name"].as_str().expect("a name").to_owned()
}

#[test]
fn files_that_are_dropped_on_the_page_are_worked_on_and_it_goes_on_when_its_programs_die() {
    let mut place = Place::new(Plan {
        program: concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover").into(),
        more: WEB,
        speed: 10,
        ..Plan::new("webpage", 1, 1)
    });
    place.start();
    let web = |place: &Place| place.state()?.groups.into_iter().find(|group| group.stage == "web");
    let pids = |place: &Place| -> Option<BTreeMap<String, i32>> {
        let group = web(place).filter(|group| group.in_service() == 2 && group.instances.len() == 2)?;
        group
            .instances
            .iter()
            .map(|one| Some((one.id.clone(), one.pid?)))
            .collect()
    };
    let url = place.until("the load balancer listens", || web(&place)?.url);
    let first = place.until("two pages run", || pids(&place));
    assert!(
        place.said().contains(&format!("\"event\":\"web\",\"url\":\"{url}\"")),
        "{}",
        place.said()
    );
    let state = || {
        let (status, body) = ask(&format!("{url}/api/state"), "", None)?;
        (status == 200).then(|| serde_json::from_str::<Value>(&body).expect("JSON"))
    };
    place.until("it answers", || {
        ask(&format!("{url}/health"), "", None).filter(|(status, _)| *status == 200)
    });

    let name = drop_file(&url, "My photo.png", "content");
    assert!(name.ends_with("-My-photo.png"), "{name}");
    place.until("it is done", || {
        let state = state()?;
        let done = state["done_names"].as_array()?.iter().any(|one| *one == name.as_str());
        (done && state["stages"][0]["waiting"] == 0).then_some(())
    });
    place.until("what the worker wrote down is seen", || {
        let state = state()?;
        let rows = state["results"].as_array()?;
        let row = rows.iter().find(|row| row["name"] == name.as_str())?;
        (row["stage"] == "work" && row["state"] == "done" && row["detail"] == format!("moved to processed/{name}"))
            .then_some(())
    });
    place.until("the worker is seen", || {
        (state()?["stages"] == json!([{"name": "work", "waiting": 0, "working": 0, "workers": 1}])).then_some(())
    });
    place.aws(async |aws| {
        let bucket = format!("webpage-{}-us-east-2", place.plan.account);
        let found = aws
            .s3
            .get_object()
            .bucket(bucket)
            .key(format!("processed/{name}"))
            .send()
            .await
            .expect("it");
        assert_eq!(found.body.collect().await.expect("content").to_vec(), b"content");
    });

    place
        .qfleet(&["status", "fleet.yaml"])
        .stdout_contains(&url)
        .stdout_contains("2 of 2 healthy")
        .stdout_contains("nothing to look into")
        .run();

    place
        .qfleet(&["logs", "fleet.yaml", "web"])
        .stdout_contains("the page of webpage listens on port")
        .stdout_lacks("moved uploads/")
        .run();

    // Both die at once: others take their place, behind the same address.
    for pid in first.values() {
        kill_group(*pid);
    }
    let second = place.until("two others run", || {
        pids(&place).filter(|now| now.values().all(|pid| !first.values().any(|one| one == pid)))
    });
    place.until("it answers again", || {
        ask(&format!("{url}/health"), "", None).filter(|(status, _)| *status == 200)
    });

    place.qfleet(&["local", "down", "fleet.yaml"]).run();
    place.ended();
    assert!(second.values().all(|pid| !lives(*pid)));
    assert_eq!(ask(&format!("{url}/health"), "", None), None, "nobody listens any more");
    place
        .qfleet(&["status", "fleet.yaml"])
        .stdout_contains("none: no local fleet runs")
        .run();

    let destroyed = place
        .qfleet(&["destroy", "fleet.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    assert_eq!(destroyed["receipt"]["clean"], true, "{destroyed:#}");
    let rows = destroyed["receipt"]["resources"].as_array().expect("rows");
    for kind in ["LoadBalancer", "TargetGroup", "Listener"] {
        let of_type = format!("AWS::ElasticLoadBalancingV2::{kind}");
        let row = rows.iter().find(|row| row["resource_type"] == of_type.as_str());
        let row = row.unwrap_or_else(|| panic!("no {of_type} in {destroyed:#}"));
        assert_eq!(row["fate"], "deleted");
        assert_eq!(row["evidence"], format!("Describe{kind}s"));
    }
}
