"""Moves one upload. Doing it again, or twice at the same time, loses nothing and moves nothing wrong."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from mover.copy import Copier
from mover.events import BadMessage, Upload
from mover.log import log

# How often an object may change under our hands before its message goes back to the queue.
ROUNDS = 5
# S3's answers when an object is not, or no longer, what we looked at.
CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "412"}


class Contended(Exception):
    """The object kept changing. A later delivery will find it at rest."""


class Mover:
    def __init__(
        self,
        s3: Any,
        bucket: str,
        uploads: str,
        processed: str,
        announce: Callable[[str, int, str, str], None] = lambda key, size, etag, sequencer: None,
        copier: Copier | None = None,
    ) -> None:
        """`announce` is called with the new key, size, ETag and sequencer, before the upload is deleted: should we die
        in between, the next delivery announces again. The other way round, nobody would."""
        self.s3 = s3
        self.bucket = bucket
        self.uploads = uploads
        self.processed = processed
        self.announce = announce
        self.copier = copier or Copier(s3, bucket)

    def move(self, upload: Upload) -> str:
        """What came of it, in words."""
        if upload.bucket != self.bucket:
            raise BadMessage(f"the file is in bucket {upload.bucket}, and this worker serves {self.bucket}")
        if not upload.key.startswith(self.uploads):
            raise BadMessage(f"{upload.key} is not under {self.uploads}")
        destination = self.processed + upload.key[len(self.uploads) :]
        for _ in range(ROUNDS):
            try:
                return self._try(upload, destination)
            except ClientError as error:
                if error.response["Error"]["Code"] not in CHANGED:
                    raise
                log.info("%s changed while it was being moved: looking again", upload.key)
        raise Contended(f"{upload.key} changed {ROUNDS} times while it was being moved")

    def _try(self, upload: Upload, destination: str) -> str:
        began, key = time.monotonic(), upload.key
        # The destination first: whatever is written there from now on makes our copy fail, however old its source.
        there = self._head(destination)
        source = self._head(key)
        if source is None:
            # A delivery that came twice, or an object that somebody took away.
            what = "already moved" if there else "gone, and was not moved by us"
            log.info("%s is %s", key, what)
            return what
        size = source["ContentLength"]
        if key.endswith("/") and size == 0:
            # Made by consoles and sync tools to show an empty folder. It is no work, and without it the folder in
            # which people drop their files would vanish from their sight.
            what = "a folder marker: left where it is"
            log.info("%s is %s", key, what)
            return what
        etag = self.copier.copy(key, source, destination, replaces=there["ETag"] if there else None)
        # Of a newer upload than the one that the message tells of, the sequencer isn't known: the older one's would put
        # it before what was there in between.
        is_what_was_told = source["ETag"].strip('"') == upload.etag
        self.announce(destination, size, etag, upload.sequencer if is_what_was_told else "")
        # Only what was copied. A newer upload under the same name stays, and is moved in the next round.
        self.s3.delete_object(Bucket=self.bucket, Key=key, IfMatch=source["ETag"])
        log.info("moved %s -> %s %d bytes in %.1f s", key, destination, size, time.monotonic() - began)
        return f"moved to {destination}"

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return self.s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise
