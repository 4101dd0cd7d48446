"""What is done, act by act, and what is claimed of it. Each act leaves the environment as the next one needs it."""

import json
import shlex
import subprocess
import time
import urllib.parse
import urllib.request
from dataclasses import replace
from typing import Any

from around import around, join
from environment import PROCESSED, UPLOADS, Environment
from run import Failure, Run

FILES = 300
# Names that trip programs up.
ODD = {
    "empty.txt": b"",
    "a b+c & d=e?.txt": b"spaces, plus signs, question marks\n",
    "100%25.txt": b"what looks like an escape\n",
    "caf\u00e9/\u65e5\u672c\u8a9e.txt": b"neither ASCII nor Latin\n",
}


def part(run: Run, name: str) -> str:
    return f"{run.name}-{name}"


def stacks_there(run: Run) -> set[str]:
    pages = run.aws("cloudformation").get_paginator("list_stacks").paginate()
    summaries = [stack for page in pages for stack in page["StackSummaries"]]
    ours = [s for s in summaries if s["StackName"].startswith(run.name) and s["StackStatus"] != "DELETE_COMPLETE"]
    return {stack["StackName"] for stack in ours}


def listen(run: Run) -> None:
    """Somebody will hear the alarms."""
    sns, sqs = run.client("sns"), run.client("sqs")
    name = run.alerts.split(":")[-1]
    topic = sns.create_topic(Name=name)["TopicArn"]
    if topic != run.alerts:
        raise Failure(f"the topic is {topic}")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sending = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [sending]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})


def heard(run: Run) -> list[dict[str, Any]]:
    """Alarms that came since the last look."""
    sqs = run.client("sqs")
    url = sqs.get_queue_url(QueueName=run.alerts.split(":")[-1])["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in found]


def hear_no_more(run: Run) -> None:
    """Takes down what `listen` made, as far as it is there."""
    sns, sqs = run.client("sns"), run.client("sqs")
    subscriptions = sns.get_paginator("list_subscriptions").paginate()
    ours = [one for page in subscriptions for one in page["Subscriptions"] if one["TopicArn"] == run.alerts]
    for one in ours:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    sns.delete_topic(TopicArn=run.alerts)
    for url in sqs.list_queues(QueueNamePrefix=run.alerts.split(":")[-1]).get("QueueUrls", []):
        sqs.delete_queue(QueueUrl=url)


def plan(run: Run) -> None:
    """What a deploy would make."""
    before = stacks_there(run)
    if before:
        raise Failure(f"there are stacks of this name already: {', '.join(sorted(before))}")
    planned = run.json("plan", "acceptance")
    actions = [stack["action"] for stack in planned["stacks"]]
    left = stacks_there(run)
    run.claim("plan-leaves-nothing", actions == ["create"] * len(actions) and not left, (actions, left))


def deploy(run: Run) -> None:
    """The first deploy, what it made, and a second one."""
    done = run.json("deploy", "acceptance", "--yes")
    stacks = [stack["stack"] for stack in done["stacks"]]
    cloudformation = run.aws("cloudformation")
    tags = {}
    for stack in stacks:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        tags[stack] = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
        cloudformation.describe_stack_events(StackName=stack)
    tagged = all(of_stack.get("qfleet:environment") == run.name for of_stack in tags.values())
    run.claim("deployed", done["succeeded"] and tagged and set(stacks) == stacks_there(run), (done["stacks"], tags))
    look_at_encryption(run, done["outputs"])
    if run.on_aws:
        [group] = groups(run, "move")
        in_service = [i for i in group["Instances"] if i["LifecycleState"] == "InService"]
        signals = [
            event
            for event in cloudformation.describe_stack_events(StackName=part(run, "move"))["StackEvents"]
            if "SUCCESS signal" in event.get("ResourceStatusReason", "")
        ]
        run.claim("workers-signal", len(signals) >= len(in_service) >= 1, (in_service, signals))
    again = [stack["outcome"] for stack in run.json("deploy", "acceptance", "--yes")["stacks"]]
    run.claim("unchanged", again == ["unchanged"] * len(stacks), again)


def look_at_encryption(run: Run, outputs: dict[str, dict[str, str]]) -> None:
    bucket, s3, sqs = outputs["intake"]["BucketName"], run.aws("s3"), run.aws("sqs")
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    public = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    bucket_policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    queue = sqs.get_queue_attributes(QueueUrl=outputs["move"]["QueueUrl"], AttributeNames=["All"])["Attributes"]
    tls = ["aws:SecureTransport" in policy for policy in (bucket_policy, queue["Policy"])]
    s3.get_bucket_notification_configuration(Bucket=bucket)
    holds = bool(encryption) and all(public.values()) and queue["SqsManagedSseEnabled"] == "true" and all(tls)
    run.claim("encrypted", holds, (encryption, public, queue, tls))


def groups(run: Run, stage: str) -> list[dict[str, Any]]:
    name = run.json("outputs", "acceptance", quiet=True)["outputs"][stage]["GroupName"]
    answer = run.aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return answer["AutoScalingGroups"]


def in_service(stage: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in (stage["group"] or {"instances": []})["instances"] if one["lifecycle_state"] == "InService"]


def work(run: Run) -> None:
    """Files are sent; the fleet grows, loses a worker, and shrinks."""
    run.until("a worker in service", lambda: in_service(run.stage("move")))
    asleep = not run.stage("fingerprint")["group"]["instances"]
    content = ODD | {f"many/{number:03}.txt": f"file {number}\n".encode() for number in range(FILES - len(ODD))}
    for name, data in content.items():
        file = run.folder / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    bucket = run.json("send", "acceptance", "files")["bucket"]
    grown = run.until("the fleet has grown", lambda: len(in_service(run.stage("move"))) >= 2)
    run.claim("scales-out", bool(grown), run.stage("move")["group"])
    if run.on_aws:
        [group] = groups(run, "move")
        zones = {one["AvailabilityZone"] for one in group["Instances"]}
        run.claim("zones", len(zones) >= 2, zones)
        look_at_alarms(run)
        roll(run)
    lose_a_worker(run)
    run.until("an empty queue", lambda: not any(run.stage("move")["queue"].values()))
    arrived = {name: run.client("s3").get_object(Bucket=bucket, Key=PROCESSED + name)["Body"].read() for name in content}
    wrong = sorted(name for name in content if arrived[name] != content[name])
    run.claim("files-arrive", not wrong, wrong)
    look_at_worker_lines(run, set(content))
    look_at_files(run, bucket, content)
    look_at_delivery(run, content)
    if run.on_aws:
        run.claim("prefix", not wrong, UPLOADS)
        look_at_logs(run)
    sums = {PROCESSED + name + ".sha256" for name in content}
    summed = run.until("a checksum of each file, by the second stage", lambda: sums <= keys(run, bucket), every=3)
    run.claim("wakes", asleep and bool(summed), (asleep, run.stage("fingerprint")))
    shrunk = run.until("the fleet is at its minimum", lambda: len(run.stage("move")["group"]["instances"]) == 1)
    run.claim("scales-in", bool(shrunk), run.stage("move")["group"])
    run.aws("autoscaling").describe_scaling_activities()


def lose_a_worker(run: Run) -> None:
    how = "--drain" if run.on_aws else "--crash"
    killed = run.json("kill-worker", "acceptance", "--stage", "move", how)
    stage = run.stage("move")
    dead = stage["dead_letters"]["visible"]
    run.claim("heals", bool(killed["replacement"]) and not dead, (killed, stage["dead_letters"]))
    if run.on_aws:
        # A hook that nobody completes would hold the instance for its heartbeat. What the watcher says of it arrives a
        # little later.
        group = run.json("outputs", "acceptance", quiet=True)["outputs"]["move"]["LogGroupName"]
        words = ("gets SIGTERM", "the worker has ended", "the group was told")

        def told() -> bool:
            lines = said(run, group, killed["instance"])
            return all(any(word in line for line in lines) for word in words)

        run.claim("drains", bool(run.until("the watcher has told", told)), said(run, group, killed["instance"])[-20:])


def said(run: Run, log_group: str, instance: str) -> list[str]:
    pages = run.aws("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=log_group, logStreamNamePrefix=instance)
    return [event["message"] for page in found for event in page["events"]]


def look_at_logs(run: Run) -> None:
    group = run.json("outputs", "acceptance", quiet=True)["outputs"]["move"]["LogGroupName"]
    [one, *_] = in_service(run.stage("move"))
    lines = said(run, group, one["instance_id"])
    run.claim("logs", bool(lines), f"nothing in {group} of {one['instance_id']}")


def look_at_worker_lines(run: Run, names: set[str]) -> None:
    def unsaid() -> set[str]:
        lines = run.json("logs", "acceptance", "move", "--since", "2h", "--filter", "moved ", quiet=True)["lines"]
        moved = [line["message"].split("moved ")[1].split(" -> ")[0] for line in lines if line["instance"]]
        return names - {key.removeprefix(UPLOADS) for key in moved}

    run.until("a line of each file", lambda: not unsaid())
    run.claim("worker-lines", not unsaid(), unsaid())


def look_at_files(run: Run, bucket: str, content: dict[str, bytes]) -> None:
    counted = run.json("files", "acceptance")
    done = len([key for key in keys(run, bucket) if key.startswith(PROCESSED)])
    numbers = (counted["waiting"]["objects"], counted["processed"]["objects"])
    name = "caf\u00e9/\u65e5\u672c\u8a9e.txt"
    run.qfleet("files", "acceptance", "--get", PROCESSED + name, "--to", "fetched.txt")
    link = run.json("files", "acceptance", "--link", PROCESSED + name, "--for", "5m")["url"]
    with urllib.request.urlopen(link) as answer:
        both = (run.folder / "fetched.txt").read_bytes(), answer.read()
    # The second stage goes on adding checksums.
    holds = numbers[0] == 0 and len(content) <= numbers[1] <= done and set(both) == {content[name]}
    run.claim("counted", holds, (counted, done, both))


def look_at_delivery(run: Run, content: dict[str, bytes]) -> None:
    delivery = run.json("status", "acceptance", quiet=True)["delivery"]
    # No name leads to the emulator: there, status says how a file is fetched.
    command = delivery.get("fetch_with") or f"curl {delivery['url']}/NAME"

    def fetch(name: str) -> tuple[str, bytes]:
        to = run.folder / "delivered"
        words = shlex.split(command.replace("NAME", urllib.parse.quote(name)))
        status = subprocess.run([*words, "-s", "-o", to, "-w", "%{http_code}"], check=True, capture_output=True, text=True)
        return status.stdout, to.read_bytes()

    name = "a b+c & d=e?.txt"
    fetched, missing = fetch(name), fetch("never-sent.txt")
    uploads = fetch(f"{UPLOADS}many/100.txt")
    holds = fetched == ("200", content[name]) and missing[0] == uploads[0] == "403"
    run.claim("delivered", holds, (delivery, fetched, missing, uploads))


def look_at_alarms(run: Run) -> None:
    stage = run.stage("move")
    scale = [alarm for policy in stage["scaling_policies"] for alarm in policy["alarms"]]
    run.aws("cloudwatch").describe_alarms(AlarmNames=scale)
    backlog = stage["backlog"]["messages_per_instance"]
    run.claim("alarms", len(scale) >= 2 and backlog is not None, (scale, stage["backlog"]))


def roll(run: Run) -> None:
    """A deploy that replaces every instance, while there is work. Who serves meanwhile is counted."""
    before = len(in_service(run.stage("move")))
    replace(current(run), greeting="Moin").write(run.folder)
    deploying = run.start("deploy", "acceptance", "--yes")
    fewest = before
    while deploying.poll() is None:
        fewest = min(fewest, len(in_service(run.stage("move"))))
        time.sleep(5)
    [group] = groups(run, "move")
    # Where the maximum leaves no room, one batch less may serve.
    most = group["MaxSize"]
    allowed = before if before < most else before - 1
    run.claim("rolls", deploying.returncode == 0 and fewest >= allowed, (before, fewest, deploying.communicate()[0]))


def dead_letters(run: Run) -> None:
    """A message that nobody understands."""
    file = run.folder / "nonsense.txt"
    file.write_text("this is no job\n")
    run.qfleet("send", "acceptance", "--stage", "move", "--lines", "nonsense.txt")
    run.until("a dead letter", lambda: run.stage("move")["dead_letters"]["visible"])
    if run.on_aws:
        alarm = run.json("outputs", "acceptance", quiet=True)["outputs"]["move"]["DeadLettersAlarmName"]
        gone_off = {"AlarmName": alarm, "NewStateValue": "ALARM"}.items()
        told = run.until("the alarm is heard", lambda: any(gone_off <= one.items() for one in heard(run)))
        run.claim("alerted", bool(told), alarm)
    shown = run.json("dlq", "sample", "acceptance", "move")["messages"]
    run.qfleet("dlq", "purge", "acceptance", "move", "--yes")
    gone = run.until("no dead letter", lambda: not run.stage("move")["dead_letters"]["visible"])
    bodies = [message["body"].strip() for message in shown]
    run.claim("dead-letters", bodies == ["this is no job"] and bool(gone), shown)


def drift(run: Run) -> None:
    """A queue is changed by hand."""
    before = run.json("drift", "acceptance", "--fail", expect=(0, 3))
    url = run.json("outputs", "acceptance", quiet=True)["outputs"]["move"]["QueueUrl"]
    sqs = run.aws("sqs")
    before_it = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "45"})
    after = run.json("drift", "acceptance", "--fail", expect=(0, 3))
    found = [
        difference["property"]
        for stack in after["stacks"]
        for resource in stack["resources"]
        for difference in resource["differences"]
        if difference["class"] in ("unexpected", "dangerous")
    ]
    holds = before["verdict"] == "in_sync" and after["verdict"] == "drifted" and any("VisibilityT" in one for one in found)
    run.claim("drift-found", holds, (before, after))
    cloudformation = run.aws("cloudformation")
    cloudformation.describe_stack_resource_drifts(StackName=part(run, "move"))
    if run.on_aws:
        run.qfleet("drift", "acceptance", "--revert", "--yes")
        now = run.json("drift", "acceptance", "--fail", expect=(0, 3))
        run.claim("drift-reverted", now["verdict"] == "in_sync", now)
    else:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": before_it})


def lifetime(run: Run) -> None:
    """The expiry is moved, and nothing has expired."""
    moved = run.json("extend", "acceptance", "30m")
    reaped = run.json("reap", "--dry-run")
    ours = [one for one in reaped["environments"] if one["environment"] == run.name]
    later = moved["expires"]["seconds_left"] - moved["from"]["seconds_left"]
    run.claim("extended", 1700 < later < 1900 and not ours, (moved, ours))


def leave_the_file(run: Run) -> None:
    """The second stage is taken out of the file."""
    replace(current(run), fingerprint=False).write(run.folder)
    planned = run.qfleet("plan", "acceptance").stdout
    run.qfleet("deploy", "acceptance", "--yes", "--prune")
    left = stacks_there(run)
    holds = part(run, "fingerprint") in planned and part(run, "fingerprint") not in left
    run.claim("left-the-file", holds and part(run, "move") in left, (planned, left))


def keep(run: Run) -> None:
    """Destroyed with its data kept, and deployed again around it."""
    environment = replace(current(run), fingerprint=False, on_destroy="keep")
    environment.write(run.folder)
    outputs = run.json("deploy", "acceptance", "--yes")["outputs"]
    bucket, queue = outputs["intake"]["BucketName"], outputs["move"]["QueueName"]
    objects = keys(run, bucket)
    done = run.json("destroy", "acceptance", "--yes")
    kept = {one["name"].rsplit("/")[-1] for one in done["kept"]}
    there = keys(run, bucket) == objects
    run.claim("kept", {bucket, queue} <= kept and there and not stacks_there(run), done["kept"])
    # A name of a queue that was deleted can't be taken again for 60 s; those that were kept have theirs.
    planned = run.json("plan", "acceptance")
    imports = {
        change["resource_type"]
        for stack in planned["stacks"]
        for change in stack["changes"]
        if change["action"] == "import"
    }
    again = run.json("deploy", "acceptance", "--yes")
    url = again["outputs"]["move"]["QueueUrl"]
    holds = again["succeeded"] and {"AWS::S3::Bucket", "AWS::SQS::Queue"} <= imports and keys(run, bucket) == objects
    run.claim("taken-in", holds and url.endswith(queue), (imports, again["stacks"]))
    for stack in again["stacks"]:
        run.aws("cloudformation").describe_stack_events(StackName=stack["stack"])


def keys(run: Run, bucket: str) -> set[str]:
    pages = run.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {one["Key"] for page in pages for one in page.get("Contents", [])}


def destroy(run: Run) -> None:
    """Everything goes."""
    replace(current(run), fingerprint=False, on_destroy="empty").write(run.folder)
    run.qfleet("deploy", "acceptance", "--yes")
    receipt = run.json("destroy", "acceptance", "--yes")["receipt"]
    left = stacks_there(run)
    tagging = run.aws("resourcegroupstaggingapi").get_paginator("get_resources")
    named = [{"Key": "qfleet:environment", "Values": [run.name]}]
    # Its listing lags, so it may still name what is gone: what it names is looked for in the receipt.
    lagging = [one["ResourceARN"] for page in tagging.paginate(TagFilters=named) for one in page["ResourceTagMappingList"]]
    known = json.dumps(receipt["resources"])
    unknown = [arn for arn in lagging if arn.split(":")[-1].split("/")[-1] not in known]
    run.claim("nothing-left", receipt["clean"] and not left and not unknown, (receipt, left, unknown))
    hear_no_more(run)


def current(run: Run) -> Environment:
    # On the emulator a minute of the fleet takes a second and a half.
    seconds_per_file, visibility_timeout = ("3", "30s") if run.on_aws else ("0.2", "8s")
    return Environment(run.name, run.account, run.region, seconds_per_file, visibility_timeout, run.alerts)


ACTS = [listen, plan, deploy, join, work, around, dead_letters, drift, lifetime, leave_the_file, keep, destroy]
