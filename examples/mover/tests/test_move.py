"""One upload after the other, in this process, against the emulator."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import Lab
from mover.copy import MOST_PARTS, Copier
from mover.events import BadMessage, Upload
from mover.move import Contended, Mover

MIB = 1024**2


def mover(lab: Lab, **more: Any) -> Mover:
    return Mover(lab.s3, lab.bucket, "uploads/", "processed/", **more)


def move(lab: Lab, key: str, **more: Any) -> None:
    mover(lab, **more).move(Upload(lab.bucket, key))


def in_parts(lab: Lab) -> Copier:
    return Copier(lab.s3, lab.bucket, threshold=6 * MIB, part_size=5 * MIB)


def open_uploads(lab: Lab) -> list[Any]:
    return lab.s3.list_multipart_uploads(Bucket=lab.bucket).get("Uploads", [])


def test_the_emulator_honours_the_conditions_we_rely_on(lab: Lab) -> None:
    """If this fails, the tests below prove nothing.

    The emulator ignores conditions on CopyObject's *destination* (AWS: 412 when it has changed); that they are sent
    is tested in `test_a_late_copy_never_covers_a_newer_file`. It does honour them on CompleteMultipartUpload.
    """
    lab.put("uploads/a")
    wrong = '"00000000000000000000000000000000"'
    source = {"Bucket": lab.bucket, "Key": "uploads/a"}
    with pytest.raises(ClientError, match="PreconditionFailed"):
        lab.s3.copy_object(Bucket=lab.bucket, Key="b", CopySource=source, CopySourceIfMatch=wrong)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        lab.s3.delete_object(Bucket=lab.bucket, Key="uploads/a", IfMatch=wrong)
    with pytest.raises(ClientError, match="NoSuchKey"):
        lab.s3.delete_object(Bucket=lab.bucket, Key="uploads/none", IfMatch=wrong)


def test_keeps_what_belongs_to_the_file(lab: Lab) -> None:
    headers = {"ContentType": "image/png", "CacheControl": "no-store", "Metadata": {"taken-by": "me"}}
    lab.put("uploads/a.png", b"pixels", Tagging="team=media&x=1+1", **headers)
    move(lab, "uploads/a.png")
    assert lab.keys() == {"processed/a.png"}
    head = lab.s3.head_object(Bucket=lab.bucket, Key="processed/a.png")
    assert {name: head[name] for name in headers} == headers
    tags = lab.s3.get_object_tagging(Bucket=lab.bucket, Key="processed/a.png")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "media", "x": "1 1"}


@pytest.mark.parametrize("size", [1, 11 * MIB], ids=["whole", "in parts"])
@pytest.mark.parametrize("storage", ["STANDARD_IA", None])
def test_keeps_the_storage_class(lab: Lab, size: int, storage: str | None) -> None:
    lab.put("uploads/a", b"x" * size, **{"StorageClass": storage} if storage else {})
    # The emulator keeps the class in a CopyObject that doesn't ask for it, and AWS doesn't: so what is asked for counts.
    asked: list[str | None] = []
    for operation in ("CopyObject", "CreateMultipartUpload"):
        lab.s3.meta.events.register(
            f"before-send.s3.{operation}", lambda request, **_: asked.append(request.headers.get("x-amz-storage-class"))
        )
    move(lab, "uploads/a", copier=in_parts(lab))
    assert lab.keys() == {"processed/a"}
    assert asked == [storage and storage.encode()]
    # S3 names none for the standard class.
    assert lab.s3.head_object(Bucket=lab.bucket, Key="processed/a").get("StorageClass") == storage


def test_a_second_delivery_finds_it_done(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mover")
    announced: list[str] = []
    lab.put("uploads/a")
    for _ in range(2):
        move(lab, "uploads/a", announce=lambda key, size, etag, sequencer: announced.append(key))
    assert announced == ["processed/a"]
    assert "uploads/a is already moved" in caplog.messages


def test_a_file_that_somebody_took_away_is_done(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mover")
    move(lab, "uploads/a")
    assert caplog.messages == ["uploads/a is gone, and was not moved by us"]


def test_dying_before_the_deletion_announces_again(lab: Lab) -> None:
    class Dies(Exception):
        pass

    def die(key: str, size: int, etag: str, sequencer: str) -> None:
        raise Dies

    lab.put("uploads/a")
    with pytest.raises(Dies):
        move(lab, "uploads/a", announce=die)
    assert lab.keys() == {"uploads/a", "processed/a"}
    announced: list[tuple[str, int]] = []
    move(lab, "uploads/a", announce=lambda key, size, etag, sequencer: announced.append((key, size)))
    assert announced == [("processed/a", 7)]
    assert lab.keys() == {"processed/a"}


def test_the_next_stage_is_told_the_order_of_uploads_where_it_is_known(lab: Lab) -> None:
    """By it the next stage's results tell a late delivery from a new upload."""
    announced: list[tuple[str, str]] = []
    moves = mover(lab, announce=lambda key, size, etag, sequencer: announced.append((key, sequencer)))

    def put(body: bytes) -> str:
        return str(lab.s3.put_object(Bucket=lab.bucket, Key="uploads/a", Body=body)["ETag"]).strip('"')

    old = Upload(lab.bucket, "uploads/a", put(b"old"), "0055")
    moves.move(old)
    new = Upload(lab.bucket, "uploads/a", put(b"newer"), "0066")
    # A late delivery of the first event finds the second upload, whose sequencer it doesn't know.
    moves.move(old)
    moves.move(new)
    assert announced == [("processed/a", "0055"), ("processed/a", "")]


@pytest.mark.parametrize("size", [1, 11 * MIB], ids=["whole", "in parts"])
def test_overwritten_between_copy_and_delete_nothing_is_lost(lab: Lab, size: int) -> None:
    old, new = b"o" * size, b"n" * size
    announced: list[bytes] = []

    def overwrite(key: str, size: int, etag: str, sequencer: str) -> None:
        announced.append(lab.get(key)[:1])
        if len(announced) == 1:
            lab.put("uploads/a", new)

    lab.put("uploads/a", old)
    move(lab, "uploads/a", announce=overwrite, copier=in_parts(lab))
    assert announced == [b"o", b"n"]
    assert lab.keys() == {"processed/a"}
    assert lab.get("processed/a") == new


@pytest.mark.parametrize("operation", ["CopyObject", "UploadPartCopy"])
def test_overwritten_between_look_and_copy_nothing_is_lost(lab: Lab, operation: str) -> None:
    old, new = b"o" * 11 * MIB, b"n" * 11 * MIB
    lab.put("uploads/a", old)
    s3, seen = lab.client("s3"), []

    def overwrite(**_: Any) -> None:
        if not seen:
            seen.append(operation)
            lab.put("uploads/a", new)

    s3.meta.events.register(f"before-send.s3.{operation}", overwrite)
    copier = Copier(s3, lab.bucket, threshold=(6 if operation == "UploadPartCopy" else 99) * MIB, part_size=5 * MIB)
    Mover(s3, lab.bucket, "uploads/", "processed/", copier=copier).move(Upload(lab.bucket, "uploads/a"))
    assert seen
    assert lab.keys() == {"processed/a"}
    assert lab.get("processed/a") == new
    assert open_uploads(lab) == []


def test_a_late_copy_never_covers_a_newer_file(lab: Lab) -> None:
    """A slow copy of the old file ends after another worker has moved the new one. In parts, where the emulator
    honours the destination's condition; for CopyObject, that the condition is sent."""
    old, new = b"o" * 11 * MIB, b"n"
    lab.put("uploads/a", old)
    s3 = lab.client("s3")

    def other_worker(**_: Any) -> None:
        lab.put("uploads/a", new)
        move(lab, "uploads/a")

    s3.meta.events.register_first("before-send.s3.CompleteMultipartUpload", other_worker)
    copier = Copier(s3, lab.bucket, threshold=6 * MIB, part_size=5 * MIB)
    Mover(s3, lab.bucket, "uploads/", "processed/", copier=copier).move(Upload(lab.bucket, "uploads/a"))
    assert lab.get("processed/a") == new
    assert lab.keys() == {"processed/a"}
    assert open_uploads(lab) == []

    sent: list[dict[str, str]] = []
    s3.meta.events.register(
        "before-send.s3.CopyObject", lambda request, **_: sent.append({k.lower(): v for k, v in request.headers.items()})
    )
    for key in ("fresh", "a"):
        lab.put(f"uploads/{key}")
        Mover(s3, lab.bucket, "uploads/", "processed/").move(Upload(lab.bucket, f"uploads/{key}"))
    assert sent[0]["if-none-match"] in ("*", b"*")
    assert sent[1]["if-match"]


def test_an_object_that_never_rests_is_left_for_later(lab: Lab) -> None:
    writes: list[int] = []

    def overwrite(key: str, size: int, etag: str, sequencer: str) -> None:
        writes.append(len(writes))
        lab.put("uploads/a", str(len(writes)).encode())

    lab.put("uploads/a", b"first")
    with pytest.raises(Contended):
        move(lab, "uploads/a", announce=overwrite)
    assert lab.get("uploads/a") == str(len(writes)).encode()


def test_copies_big_files_in_parts(lab: Lab) -> None:
    body = bytes(range(256)) * 4 * 1024 * 12  # 12 MiB: three parts, the last one shorter
    headers = {"ContentType": "video/mp4", "ContentDisposition": "inline", "Metadata": {"taken-by": "me"}}
    lab.put("uploads/a b+😀.mp4", body, Tagging="team=media&x=1+1%26", **headers)
    s3, sent = lab.client("s3"), []
    s3.meta.events.register(
        "before-send.s3.CreateMultipartUpload", lambda request, **_: sent.append(request.headers["x-amz-tagging"])
    )
    copier = Copier(s3, lab.bucket, threshold=6 * MIB, part_size=5 * MIB)
    Mover(s3, lab.bucket, "uploads/", "processed/", copier=copier).move(Upload(lab.bucket, "uploads/a b+😀.mp4"))
    assert lab.keys() == {"processed/a b+😀.mp4"}
    assert lab.get("processed/a b+😀.mp4") == body
    head = lab.s3.head_object(Bucket=lab.bucket, Key="processed/a b+😀.mp4")
    assert head["ETag"].endswith('-3"')
    assert {name: head[name] for name in headers} == headers
    # The emulator drops the tags of multipart uploads, so that they were sent is what can be tested.
    assert sent in ([b"team=media&x=1%201%26"], ["team=media&x=1%201%26"])


def test_a_failed_copy_in_parts_leaves_no_parts_behind(lab: Lab) -> None:
    lab.put("uploads/a", b"a" * 11 * MIB)
    s3 = lab.client("s3")

    def fail(**_: Any) -> None:
        raise ConnectionAbortedError("pulled the plug")

    s3.meta.events.register("before-send.s3.CompleteMultipartUpload", fail)
    copier = Copier(s3, lab.bucket, threshold=6 * MIB, part_size=5 * MIB)
    with pytest.raises(Exception, match="pulled the plug"):
        copier.copy("uploads/a", s3.head_object(Bucket=lab.bucket, Key="uploads/a"), "processed/a", None)
    assert open_uploads(lab) == []
    assert lab.keys() == {"uploads/a"}


@pytest.mark.parametrize("size", [5 * 1024**3 + 1, MOST_PARTS * 5 * 1024**3])
def test_parts_stay_within_the_limits_of_s3(size: int) -> None:
    class S3:
        """Counts bytes that nobody has."""

        def __init__(self) -> None:
            self.parts: list[tuple[int, int]] = []

        def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
            return lambda **_: {"TagSet": [], "UploadId": "1", "ETag": '"x"'}

        def upload_part_copy(self, CopySourceRange: str, **_: Any) -> dict[str, Any]:
            first, last = CopySourceRange.removeprefix("bytes=").split("-")
            self.parts.append((int(first), int(last)))
            return {"CopyPartResult": {"ETag": '"x"'}}

    s3 = S3()
    Copier(s3, "photos").copy("a", {"ContentLength": size, "ETag": '"x"'}, "b", None)
    s3.parts.sort()
    assert len(s3.parts) <= MOST_PARTS
    assert max(last - first + 1 for first, last in s3.parts) <= 5 * 1024**3
    assert s3.parts[0][0] == 0
    assert s3.parts[-1][1] == size - 1
    assert all(before[1] + 1 == after[0] for before, after in zip(s3.parts, s3.parts[1:], strict=False))


def test_folder_markers_stay(lab: Lab) -> None:
    lab.put("uploads/", b"")
    lab.put("uploads/album/", b"")
    lab.put("uploads/odd/", b"a file all the same")
    for key in lab.keys():
        move(lab, key)
    assert lab.keys() == {"uploads/", "uploads/album/", "processed/odd/"}


def test_refuses_what_isnt_its_own(lab: Lab) -> None:
    with pytest.raises(BadMessage, match="in bucket other"):
        mover(lab).move(Upload("other", "uploads/a"))
    with pytest.raises(BadMessage, match="not under uploads/"):
        mover(lab).move(Upload(lab.bucket, "processed/a"))


def test_an_error_of_another_kind_is_no_change(lab: Lab) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket|404|Not Found"):
        Copier(lab.s3, "no-such-bucket").copy("a", {"ContentLength": 1, "ETag": '"x"'}, "b", None)
