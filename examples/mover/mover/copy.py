"""One copy inside a bucket. S3 does the work; no byte passes through the instance."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

from mover.log import describe, log

GIB = 1024**3
# The most that CopyObject takes, and the most parts that an upload has.
COPY_OBJECT_LIMIT = 5 * GIB
MOST_PARTS = 10_000

# What a multipart upload has to be told again; CopyObject carries it over by itself, and tags, too.
HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
)


class Copier:
    def __init__(self, s3: Any, bucket: str, threshold: int = COPY_OBJECT_LIMIT, part_size: int = GIB) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.threshold = threshold
        self.part_size = part_size

    def copy(self, key: str, source: dict[str, Any], destination: str, replaces: str | None) -> str:
        """Copies exactly the object that `source` (a HeadObject answer) describes; returns the copy's ETag.

        `replaces` is the ETag of the object that lies at the destination, None for nothing. S3 refuses with
        PreconditionFailed when either end has changed: a slow copy of an old file must not end up over a newer one.
        """
        guard = {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": replaces}
        # No copy carries it over: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html. S3 names none
        # for the standard class.
        storage = {"StorageClass": source["StorageClass"]} if source.get("StorageClass") else {}
        if source["ContentLength"] > self.threshold:
            return self._in_parts(key, source, destination, storage, guard)
        answer = self.s3.copy_object(
            Bucket=self.bucket, Key=destination, **self._from(key, source), **storage, **guard
        )
        return answer["CopyObjectResult"]["ETag"]

    def _from(self, key: str, source: dict[str, Any]) -> dict[str, Any]:
        return {"CopySource": {"Bucket": self.bucket, "Key": key}, "CopySourceIfMatch": source["ETag"]}

    def _in_parts(
        self, key: str, source: dict[str, Any], destination: str, storage: dict[str, str], guard: dict[str, str]
    ) -> str:
        size = source["ContentLength"]
        part_size = max(self.part_size, -(-size // MOST_PARTS))
        carried = storage | {name: source[name] for name in HEADERS if source.get(name)}
        tags = self.s3.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        if tags:
            carried["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in tags], quote_via=quote)
        where = {"Bucket": self.bucket, "Key": destination}
        upload = {**where, "UploadId": self.s3.create_multipart_upload(**where, **carried)["UploadId"]}

        def part(number: int) -> dict[str, Any]:
            first = (number - 1) * part_size
            last = min(first + part_size, size) - 1
            answer = self.s3.upload_part_copy(
                **upload, **self._from(key, source), PartNumber=number, CopySourceRange=f"bytes={first}-{last}"
            )
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

        try:
            # Leaving the pool waits for parts under way: an abort beside them would leave some behind, and billed.
            with ThreadPoolExecutor(max_workers=4) as pool:
                parts = list(pool.map(part, range(1, -(-size // part_size) + 1)))
            answer = self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **guard)
        except BaseException:
            try:
                self.s3.abort_multipart_upload(**upload)
            except Exception as error:  # the first error tells more; the bucket's lifecycle rule cleans up later
                log.warning("could not abort the copy to %s: %s", destination, describe(error))
            raise
        return answer["ETag"]
