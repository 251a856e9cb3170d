"""Writes event files of TensorBoard by hand, byte by byte after the formats of TFRecord and protobuf."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from launcher.sources.tfevents import masked_crc


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    crc = masked_crc(data) if len(data) < 1000 else 0  # nobody looks at it
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", crc)


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def part(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def scalar(tag: str, value: float) -> bytes:
    return part(1, part(1, tag.encode()) + b"\x15" + struct.pack("<f", value))


def tensor(tag: str, content: bytes) -> bytes:
    plugin = part(9, part(1, part(1, b"scalars")))
    return part(1, part(1, tag.encode()) + plugin + part(8, content))


def event(step: int, values: Sequence[bytes]) -> bytes:
    wall_time = b"\x09" + struct.pack("<d", 1.5)
    return record(wall_time + b"\x10" + varint(step) + part(5, b"".join(values)))


def version() -> bytes:
    return record(b"\x09" + struct.pack("<d", 1.5) + part(3, b"brain.Event:2"))
