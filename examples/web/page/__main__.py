import logging
import signal
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from page.results import Results
from page.server import Server
from page.settings import Settings, SettingsError
from page.state import State
from page.uploads import Links

log = logging.getLogger("page")


def main() -> int:
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2

    def client(service: str) -> Any:
        config = Config(
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 2},
            # The region's own endpoint: a browser's POST to the global one would be redirected.
            s3={"addressing_style": "auto", "us_east_1_regional_endpoint": "regional"},
            signature_version="s3v4" if service == "s3" else None,
        )
        return boto3.client(service, region_name=settings.region, config=config)

    s3 = client("s3")
    bucket = urlsplit(s3.generate_presigned_post(settings.bucket, "any")["url"])
    stages = tuple(stage for stage, _ in settings.feeds)
    results = Results(client("dynamodb"), settings.results_table, stages) if settings.results_table and stages else None
    state = State(s3, client("sqs"), client("autoscaling"), results, settings)
    # From everywhere: on an instance, its security group lets in the load balancer alone. Nothing keeps others from a
    # developer's machine.
    host = "127.0.0.1" if settings.emulator else ""
    server = Server((host, settings.port), Links(s3, settings), state, f"{bucket.scheme}://{bucket.netloc}")

    def stop(number: int, frame: Any) -> None:
        # In a thread of its own: it waits for the loop that this signal has interrupted.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    log.info("the page of %s listens on port %d", settings.environment, settings.port)
    server.serve_forever(poll_interval=0.2)
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
