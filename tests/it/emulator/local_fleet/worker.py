"""A worker of a few lines that starts at once: it takes a message, works for $SECONDS, notes it in $NOTES and deletes it.
A message `poison` it leaves. It ends on SIGTERM, after what it has in hand."""

import http.client
import json
import os
import signal
import sys
import time
from urllib.parse import urlsplit

stopping = False


def stop(*_):
    global stopping
    stopping = True


def ask(method, url, body=None, headers=()):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request(method, urlsplit(url).path or "/", body, dict(headers))
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def signature(service):
    account, region = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_REGION"]
    scope = f"{account}/20260101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def sqs(action, **parameters):
    parameters["QueueUrl"] = os.environ["QFLEET_QUEUE_URL"]
    headers = {
        "Authorization": signature("sqs"),
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{action}",
    }
    status, text = ask("POST", os.environ["AWS_ENDPOINT_URL"], json.dumps(parameters), headers)
    return json.loads(text or "{}") if status == 200 else {}


def metadata(path):
    endpoint = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    try:
        _, token = ask("PUT", f"{endpoint}/latest/api/token", headers=ttl)
        status, text = ask("GET", f"{endpoint}/latest/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token})
    except OSError:
        return None  # no supervisor
    return text if status == 200 else None


def note(text):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{instance} {text}\n")
    print(text, flush=True)


def interrupted():
    notice = metadata("spot/instance-action")
    return notice is not None and json.loads(notice)["action"] == "terminate"


signal.signal(signal.SIGTERM, stop)
instance = metadata("instance-id")
note("up")
while not stopping:
    received = sqs("ReceiveMessage", MaxNumberOfMessages=1, WaitTimeSeconds=1)
    for message in received.get("Messages", []):
        note(f"begins {message['Body']}")
        if message["Body"] != "poison":
            time.sleep(float(os.environ["SECONDS"]))
            note(f"done {message['Body']}")
            sqs("DeleteMessage", ReceiptHandle=message["ReceiptHandle"])
if interrupted():
    note("was warned")
note("ended")
sys.exit(0)
