"""Links with which a browser puts one file into the bucket, past this program."""

import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from page.settings import Settings

# A browser uses its link at once; a large file may take as long as it likes then.
SECONDS = 300
LONGEST_NAME = 100
# Links a minute, from each process: nobody fills the bucket faster than this.
MOST_A_MINUTE = 300


class TooMany(Exception):
    pass


class Links:
    def __init__(self, s3: Any, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._s3 = s3
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(MOST_A_MINUTE)
        self._at = clock()

    def make(self, name: str) -> dict[str, Any]:
        """URL and fields of a form for a file of this name. Its key is new, so that nobody overwrites anything."""
        self._take()
        key = self._settings.uploads_prefix + key_name(name)
        fixed = {"Content-Type": "application/octet-stream"}
        form = self._s3.generate_presigned_post(
            self._settings.bucket,
            key,
            Fields=fixed,
            Conditions=[
                {"Content-Type": fixed["Content-Type"]},
                ["starts-with", "$key", self._settings.uploads_prefix],
                ["content-length-range", 1, self._settings.largest_file],
            ],
            ExpiresIn=SECONDS,
        )
        url = form["url"]
        if self._settings.emulator:
            # A form says whose it is in its fields alone. An emulator looks at headers and queries, and would take the
            # upload for one of its default account and region: nobody there is told of it.
            url += "?" + urlencode({"X-Amz-Credential": form["fields"]["x-amz-credential"]})
        return {"name": key.removeprefix(self._settings.uploads_prefix), "url": url, "fields": form["fields"]}

    def _take(self) -> None:
        with self._lock:
            now = self._clock()
            self._left = min(MOST_A_MINUTE, self._left + (now - self._at) * MOST_A_MINUTE / 60)
            self._at = now
            if self._left < 1:
                raise TooMany
            self._left -= 1


def key_name(name: str) -> str:
    """A key's last part: its time, something random, and what is harmless of the file's name."""
    plain = unicodedata.normalize("NFKD", name.replace("\\", "/").rsplit("/", 1)[-1])
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")
    return f"{key_time(time.time())}-{secrets.token_hex(4)}-{plain[-LONGEST_NAME:] or 'file'}"


def key_time(seconds: float) -> str:
    """What keys of this time begin with."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
