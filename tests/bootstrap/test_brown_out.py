"""The example workers while SQS is away: they wait for it, and still end when they are told to."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "QFLEET_ENVIRONMENT": "photos",
    "QFLEET_STAGE": "work",
    "QFLEET_QUEUE_URL": "http://127.0.0.1:9/111122223333/photos-work",
    "QFLEET_BUCKET": "photos",
    "QFLEET_UPLOADS_PREFIX": "uploads/",
    "QFLEET_PROCESSED_PREFIX": "processed/",
    "QFLEET_VISIBILITY_TIMEOUT_SECONDS": "30",
    "QFLEET_MESSAGES_AT_ONCE": "1",
    "AWS_REGION": "us-east-2",
    "AWS_DEFAULT_REGION": "us-east-2",
    # Nobody listens there.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "111122223333",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_MAX_ATTEMPTS": "1",
}


def test_a_worker_outlives_a_queue_that_is_away(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    workers = {}
    for example in ("examples/mover", "examples/fingerprint", "templates/init/worker"):
        log = tmp_path / example.replace("/", "-")
        with open(log, "w") as out:
            command = ["/bin/sh", ROOT / example / "run"]
            workers[log] = subprocess.Popen(command, env=SETTINGS | {"PATH": path}, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 120
        for log, worker in workers.items():
            # Twice as long each time.
            while "next try in 2 s" not in log.read_text():
                assert worker.poll() is None and time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            assert "next try in 1 s" in log.read_text()
            worker.terminate()
            assert worker.wait(60) == 0, log.read_text()
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
