"""A second environment: a bucket that was there before, jobs both ways, and what stands around workers. It is deployed
early and looked at late, so that its schedule's minute passes while others are busy."""

import json
import shutil
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from run import Run

ROOT = Path(__file__).resolve().parents[2]
UPLOADS = "fleet/in/"
PROCESSED = "fleet/out/"
# The stage that each is for; none wants the last.
FILES = {"a.png": "images", "b.txt": "texts", "c.srt": None}
BY_THE_CLOCK = "nightly"


def second(name: str) -> str:
    """Its name: none that begins with that of the first, by which that one's stacks are counted."""
    return name.replace("qfa-", "qfb-")


def name_of(run: Run) -> str:
    return second(run.name)


def theirs(run: Run) -> str:
    """The bucket, and the queue that it tells of other files."""
    return f"{name_of(run)}-theirs"


def text(run: Run) -> str:
    function = "lambda: {program: ../mover, handler: mover.function.handler, runtime: python3.13, timeout: 20s}"
    return f"""\
name: {name_of(run)}
region: {run.region}
account: "{run.account}"
lifetime: 2h
tags: {{purpose: acceptance}}
dashboard: false
bucket: {{existing: {theirs(run)}, uploads: {UPLOADS}, processed: {PROCESSED}, on_destroy: empty}}
results: {{ttl: 1h}}
stages:
  - name: images
    from: bucket
    only: {{suffix: [.png]}}
    workers: {{{function}}}
  - name: texts
    from: bucket
    only: {{suffix: [.txt]}}
    replies: true
    workers: {{{function}}}
  # Nobody takes its jobs, so that they can be seen.
  - name: clock
    schedules: [{{cron: "* * * * *", body: {BY_THE_CLOCK}}}]
    workers: {{{function}, active: none}}
"""


def make_theirs(run: Run) -> None:
    s3, sqs = run.client("s3"), run.client("sqs")
    place = {} if run.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": run.region}}
    s3.create_bucket(Bucket=theirs(run), **place)
    url = sqs.create_queue(QueueName=theirs(run))["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sending = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{theirs(run)}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [sending]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    told = {
        "Id": "theirs",
        "QueueArn": queue,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "albums/"}]}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=theirs(run), NotificationConfiguration={"QueueConfigurations": [told]}
    )
    s3.put_object(Bucket=theirs(run), Key="albums/before.txt", Body=b"theirs")


def take_down(run: Run) -> None:
    """All of it, as far as it is there."""
    run.qfleet("destroy", "around", "--yes", expect=(0, 1, 4))
    s3, sqs = run.client("s3"), run.client("sqs")
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=theirs(run)):
            for one in page.get("Contents", []):
                s3.delete_object(Bucket=theirs(run), Key=one["Key"])
        s3.delete_bucket(Bucket=theirs(run))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
    for url in sqs.list_queues(QueueNamePrefix=theirs(run)).get("QueueUrls", []):
        sqs.delete_queue(QueueUrl=url)


def notifications(run: Run) -> dict[str, Any]:
    answer = run.aws("s3").get_bucket_notification_configuration(Bucket=theirs(run))
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def join(run: Run) -> None:
    """A second environment, on a bucket that was there before."""
    shutil.copytree(ROOT / "examples" / "mover", run.folder / "mover", ignore=shutil.ignore_patterns("tests"), dirs_exist_ok=True)
    (run.folder / "stacks" / "around.yaml").write_text(text(run), encoding="utf-8")
    make_theirs(run)
    run.qfleet("deploy", "around", "--yes")
    for file in FILES:
        run.client("s3").put_object(Bucket=theirs(run), Key=UPLOADS + file, Body=file.encode())


def around(run: Run) -> None:
    """What became of its files and jobs; then it goes."""
    outputs = run.json("outputs", "around", quiet=True)["outputs"]
    look_at_files(run)
    look_at_replies(run, outputs["texts"]["ReplyQueueUrl"])
    look_at_the_clock(run, outputs["clock"]["QueueUrl"])
    look_at_the_picture(run)
    before = {"QueueConfigurations": notifications(run)["QueueConfigurations"]}
    files = keys(run)
    ours = notifications(run).get("TopicConfigurations", [])
    receipt = run.json("destroy", "around", "--yes")["receipt"]
    after = notifications(run)
    holds = receipt["clean"] and bool(ours) and after == before and keys(run) == files
    run.claim("theirs-stays", holds, (receipt, ours, before, after, files))
    take_down(run)


def keys(run: Run) -> set[str]:
    pages = run.client("s3").get_paginator("list_objects_v2").paginate(Bucket=theirs(run))
    return {one["Key"] for page in pages for one in page.get("Contents", [])}


def records(run: Run) -> list[dict[str, Any]]:
    return run.json("results", "around", quiet=True)["records"]


def look_at_files(run: Run) -> None:
    wanted = {(UPLOADS + file, stage) for file, stage in FILES.items() if stage}

    def done() -> set[tuple[str, str]]:
        return {(one["job"], one["stage"]) for one in records(run) if one["state"] == "done"}

    run.until("a record of each file that a stage wants", lambda: wanted <= done())
    run.claim("recorded", wanted <= done(), records(run))
    there = keys(run)
    moved = {file for file in FILES if PROCESSED + file in there and UPLOADS + file not in there}
    # A message that isn't for a stage would be a record, too.
    holds = moved == {file for file, stage in FILES.items() if stage} and done() == wanted
    run.claim("sorted", holds, (sorted(there), records(run)))


def look_at_replies(run: Run, queue: str) -> None:
    sqs = run.client("sqs")
    of_others = {"JobId": {"DataType": "String", "StringValue": "somebody-else"}}
    sqs.send_message(QueueUrl=queue, MessageBody="for somebody else", MessageAttributes=of_others)
    jobs = [{"move": f"{UPLOADS}c.srt"}, {"move": f"{UPLOADS}never-sent.txt"}]
    (run.folder / "jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in jobs))
    sent = run.json("send", "around", "--stage", "texts", "--lines", "--wait", "jobs.jsonl", "--timeout", "3m")
    moved = sorted(json.loads(reply["body"]).get("moved", -1) for reply in sent["replies"])

    def left() -> list[str]:
        found = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, VisibilityTimeout=0).get("Messages", [])
        return [message["Body"] for message in found]

    others = run.until("the reply of somebody else", left)
    holds = moved == [0, 1] and PROCESSED + "c.srt" in keys(run) and others == ["for somebody else"]
    run.claim("replied", holds, (sent, others))


def look_at_the_clock(run: Run, queue: str) -> None:
    def come() -> list[str]:
        found = run.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1, VisibilityTimeout=0)
        return [message["Body"] for message in found.get("Messages", [])]

    bodies = run.until("a job of the schedule", come)
    run.claim("by-the-clock", bool(bodies) and set(bodies) == {BY_THE_CLOCK}, bodies)


def look_at_the_picture(run: Run) -> None:
    """Everything that an arrow is drawn for is deployed, and the queues of those that the topic leads to are subscribed."""
    drawn = run.qfleet("graph", "around", "--output", "json", where=False).result
    names = {evidence["stack"] for arrow in drawn["arrows"] for evidence in arrow["evidence"]}
    cloudformation = run.aws("cloudformation")
    there = {
        (name, one["LogicalResourceId"])
        for name in names
        for one in cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        if one["ResourceStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    }
    missing = [
        arrow
        for arrow in drawn["arrows"]
        if not arrow["evidence"] or any((one["stack"], one["resource"]) not in there for one in arrow["evidence"])
    ]
    kinds = {node["id"]: node["kind"] for node in drawn["nodes"]}
    told = {arrow["to"] for arrow in drawn["arrows"] if kinds[arrow["from"]] == "topic"}
    pages = run.aws("sns").get_paginator("list_subscriptions").paginate()
    prefix = f"{name_of(run)}-"
    subscribed = {
        one["Endpoint"].split(":")[-1].removeprefix(prefix) + ".queue"
        for page in pages
        for one in page["Subscriptions"]
        if one["TopicArn"].split(":")[-1].startswith(prefix)
    }
    run.claim("drawn", not missing and told == subscribed != set(), (missing, told, subscribed))
