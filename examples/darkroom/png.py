"""As much of PNG as a class needs: grey pictures of eight bits a pixel, written and read with nothing but zlib."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY = (8, 0, 0, 0, 0)
"""Bits a pixel, no colours; deflated, filtered line by line, not interlaced."""


class NotAPhoto(Exception):
    """What is no picture of this kind, and why."""


def write(rows: list[bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), *GREY)
    # Each line begins with its filter: none.
    lines = zlib.compress(b"".join(b"\0" + row for row in rows))
    return SIGNATURE + b"".join(_chunk(*chunk) for chunk in ((b"IHDR", header), (b"IDAT", lines), (b"IEND", b"")))


def read(data: bytes) -> list[bytes]:
    """The lines of a picture that `write` wrote."""
    if not data.startswith(SIGNATURE):
        raise NotAPhoto("it is no PNG")
    chunks = dict(_chunks(data))
    width, height, *kind = struct.unpack(">IIBBBBB", chunks.get(b"IHDR", b"").ljust(13, b"\0")[:13])
    if tuple(kind) != GREY:
        raise NotAPhoto("it isn't grey, with eight bits a pixel")
    try:
        lines = zlib.decompress(chunks.get(b"IDAT", b""))
    except zlib.error as error:
        raise NotAPhoto(str(error)) from error
    if len(lines) != (width + 1) * height or any(lines[:: width + 1]):
        raise NotAPhoto("lines are missing or filtered")
    return [lines[at + 1 : at + 1 + width] for at in range(0, len(lines), width + 1)]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(data: bytes):
    at = len(SIGNATURE)
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        end = data[at + 8 + length : at + 12 + length]
        if end != struct.pack(">I", zlib.crc32(kind + body)):
            raise NotAPhoto("it is cut off, or was changed on its way")
        yield kind, body
        at += 12 + length
