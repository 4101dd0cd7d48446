"""The page as a browser and as others see it."""

import http.client
import re
import socket

import pytest

from conftest import Page, eventually, post_form


def test_it_answers_the_load_balancer_and_nothing_beside_its_own_files(page: Page) -> None:
    assert page.ask("GET", "/health").body == b"ok\n"
    for path in ("/", "/page.js", "/page.css", "/?x=1"):
        answer = page.ask("GET", path)
        assert answer.status == 200 and answer.body
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/settings.py", "/../settings.py", "/static/../../run", "/%2e%2e/run", "//etc/passwd", "/index.html"):
        assert page.ask("GET", path).status == 404, path
    assert page.ask("DELETE", "/").status == 501


def test_a_file_goes_straight_to_the_bucket_and_is_seen_there(page: Page) -> None:
    link = page.link("My holiday.jpg").json()
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{8}-My-holiday.jpg", link["name"])
    assert link["fields"]["key"] == "uploads/" + link["name"]
    assert post_form(link, b"<script>") in (200, 201, 204)
    stored = page.s3.get_object(Bucket=page.bucket, Key="uploads/" + link["name"])
    assert stored["Body"].read() == b"<script>"
    # Whatever is uploaded, no browser runs it.
    assert stored["ContentType"] == "application/octet-stream"
    eventually(lambda: link["name"] in page.ask("GET", "/api/state").json()["waiting"])

    def told() -> bool:
        events = page.sqs.receive_message(QueueUrl=page.events_url, MaxNumberOfMessages=10).get("Messages", [])
        return any(link["name"] in event["Body"] for event in events)

    eventually(told, what="the queue's event")
    page.s3.put_object(Bucket=page.bucket, Key="processed/" + link["name"], Body=b"done")

    def arrived() -> bool:
        state = page.ask("GET", "/api/state").json()
        return link["name"] in state["done_names"] and any(one["name"] == link["name"] for one in state["done"])

    eventually(arrived)


def test_a_link_is_good_for_its_own_key_and_size_only(page: Page) -> None:
    link = page.link("a.txt").json()
    assert post_form(link, b"x", key="processed/a.txt") == 403
    assert post_form(link, b"x", key="uploads/other.txt") == 403
    assert post_form(link, b"x" * ((1 << 20) + 1)) == 400
    assert post_form(link, b"") == 400
    assert post_form(link, b"x", **{"Content-Type": "text/html"}) == 403
    names = {entry["Key"] for entry in page.s3.list_objects_v2(Bucket=page.bucket).get("Contents", [])}
    assert link["fields"]["key"] not in names and "processed/a.txt" not in names


def test_queues_are_shown(page: Page) -> None:
    page.sqs.send_message(QueueUrl=page.queue_url, MessageBody="job")

    def stage() -> dict[str, object]:
        return page.ask("GET", "/api/state").json()["stages"][0]

    eventually(lambda: stage()["waiting"] == 1)
    assert stage()["name"] == "move" and stage()["working"] == 0 and stage()["workers"] == 0


def test_what_the_workers_say_of_the_files_on_the_page_is_shown(page: Page) -> None:
    def rows() -> list[dict[str, object]]:
        found = page.ask("GET", "/api/state").json()["results"]
        assert isinstance(found, list)
        return [row for row in found if row["name"] in names]

    names = [page.link(name).json()["name"] for name in ("waits.txt", "fails.txt", "is-done.txt")]
    waits, fails, done = names
    for name in names:
        page.s3.put_object(Bucket=page.bucket, Key=f"{'processed' if name == done else 'uploads'}/{name}", Body=b"x")
    page.says(fails, "failed", "no picture: cannot identify image file")
    page.says(done, "done", "moved")
    page.says("of-yesterday.txt", "failed", "it is on no page")
    page.says(waits, "done", stage="elsewhere")
    page.says(waits, "failed", "over", ExpiresAt={"N": "1000000000"})
    eventually(lambda: len(rows()) == 2)
    said = {row["name"]: (row["stage"], row["state"], row["detail"]) for row in rows()}
    assert said == {
        fails: ("move", "failed", "no picture: cannot identify image file"),
        done: ("move", "done", "moved"),
    }
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", str(row["at"])) for row in rows())
    # Tried again.
    page.says(fails, "working")
    eventually(lambda: any(row["state"] == "working" for row in rows()))


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_sites_page_gets_no_link(page: Page, headers: dict[str, str]) -> None:
    assert page.link("a.txt", **headers).status == 403


def test_the_page_itself_gets_one(page: Page) -> None:
    own = f"http://127.0.0.1:{page.port}"
    assert page.link("a.txt", Origin=own, Sec_Fetch_Site="same-origin").status == 200


def test_what_makes_no_sense_is_refused(page: Page) -> None:
    def post(body: bytes, **headers: str) -> int:
        return page.ask("POST", "/api/links", body, Content_Type="application/json", **headers).status

    for body in (b"", b"{", b"[]", b"null", b'{"name": 1}', b'{"name": ""}', b"{}", b"\xff"):
        assert post(body) == 400, body
    assert post(b"x" * 5000) == 413
    assert page.ask("POST", "/", b"{}").status == 404


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /api/links HTTP/1.1\r\nTransfer-Encoding: chunked", b"413"),
        (b"GET /health HTTP/1.1\r\nTransfer-Encoding: chunked", b"200"),
        (b"GET /health HTTP/1.1\r\nContent-Length: 34", b"200"),
    ],
)
def test_a_body_is_not_read_as_a_second_request(page: Page, head: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", page.port), 30) as connection:
        connection.sendall(head + b"\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while more := connection.recv(4096):
            said += more
    assert said.startswith(b"HTTP/1.1 " + status) and said.count(b"HTTP/1.1") == 1


def test_connections_are_kept(page: Page) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
    for _ in range(2):
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"ok\n"
    connection.close()
