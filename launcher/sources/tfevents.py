"""Event files of TensorBoard: the scalars in them, without TensorFlow and without protobuf.

    file      records one after another: length (8 bytes), CRC of the length (4), data, CRC of the data (4)
    data      the message `Event`: step = 2 (varint), summary = 5
    summary   values = 1, each: tag = 1, simple_value = 2 (float), tensor = 8
    tensor    dtype = 1, shape = 2, content = 4, floats = 5, doubles = 6; halves = 13, ints = 7, int64s = 10

Written by hand after the .proto files of TensorFlow. Images, histograms, texts and graphs are passed over. The CRC of
a length is checked, since a wrong length would lose the way. That of the data is not: it would take ten times as long.
A record that is not complete waits for its rest.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Any

from launcher.sources.metric_names import metric_name
from launcher.sources.source import Found
from launcher.store.values import MOST

_LONGEST_BYTES = 4 << 20  # of a record; a longer record holds images or a graph and is skipped
_HEAD_BYTES, _TAIL_BYTES = 12, 4
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_ROOT_FOLDERS = ("train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "dev")
# dtype → format of an element of `tensor_content`: float, double, int32, int64, half
_ELEMENTS = {1: "<f", 2: "<d", 3: "<i", 9: "<q", 19: "<e"}
_MOST_NAMES = 10_000  # of tags, remembered


class TfEvents:
    """The format of an event file."""

    def __init__(self, number: int, folder: str = "", begin: int = 0) -> None:
        """Begin. `number`: of the source. `folder`: the name of the file's folder, see `_name`.

        `begin`: the records that end at this offset or before are passed over.
        """
        self.notes: list[str] = []
        self.first_byte = 0
        self._number = number
        self._folder = metric_name(folder)
        self._begin = begin
        self._offset = 0  # of the first byte of `_torn`
        self._torn = b""
        self._skipped = 0  # bytes of a long record that are still to come
        self._is_damaged = False
        self._names: dict[bytes, str] = {}

    def feed(self, piece: bytes) -> list[Found]:
        """Return the scalars of the records that are complete with the next bytes."""
        if self._is_damaged:
            return []
        data = self._torn + piece if self._torn else piece
        place = 0
        found: list[Found] = []
        while True:
            if self._skipped:
                step = min(self._skipped, len(data) - place)
                self._skipped -= step
                place += step
            if len(data) - place < _HEAD_BYTES:
                break
            length = _length(data[place : place + _HEAD_BYTES])
            if length is None:
                self._is_damaged = True
                self.notes.append(f"an event file is damaged at byte {self._offset + place:,}: its rest is not read")
                break
            if length > _LONGEST_BYTES:
                self._skipped = _HEAD_BYTES + length + _TAIL_BYTES
                continue
            start = place + _HEAD_BYTES
            if len(data) < start + length + _TAIL_BYTES:
                break
            place = start + length + _TAIL_BYTES
            if self._offset + place > self._begin:
                self._take(data, start, start + length, self._offset + place, found)
        self._torn = data[place:]
        self._offset += place
        return found

    def finish(self) -> list[Found]:
        """Return nothing: a record without its end does not count."""
        return []

    def begin_again(self) -> bool:
        """Return False: event files are only appended to, so another content is another source."""
        return False

    def _take(self, data: bytes, start: int, end: int, offset: int, found: list[Found]) -> None:
        """Append the scalars of an event to those that were found. A damaged event has none."""
        try:
            step, fields = self._event(data, start, end)
        except (IndexError, struct.error, ValueError):
            return
        if fields and 0 <= step <= MOST:
            found.append(Found(fields, step, (self._number, offset)))

    def _event(self, data: bytes, start: int, end: int) -> tuple[int, dict[str, Any]]:
        step, fields = 0, {}
        for key, value, stop in _fields(data, start, end):
            if key == 0x10:  # step
                step = value
            elif key == 0x2A:  # summary
                for each, inner, inner_stop in _fields(data, value, stop):
                    if each == 0x0A and (scalar := _value(data, inner, inner_stop)) is not None:
                        tag, number = scalar
                        if name := self._names.get(tag) or self._name(tag):
                            fields[name] = number
        return step, fields

    def _name(self, tag: bytes) -> str:
        """Return the metric of a tag.

        A program may write the same tag into files of several folders. `epoch_loss` in the folder `validation` becomes
        `validation_epoch_loss`. `loss` in the folder `loss_val`, which SummaryWriter.add_scalars makes, is `loss_val`.
        """
        name = metric_name(tag.decode(errors="replace"))
        if name and self._folder.startswith(f"{name}_"):
            name = self._folder
        elif name and self._folder in _ROOT_FOLDERS and not name.startswith(f"{self._folder}_"):
            name = metric_name(f"{self._folder}_{name}")
        if len(self._names) < _MOST_NAMES:
            self._names[tag] = name
        return name


def _value(data: bytes, start: int, end: int) -> tuple[bytes, float] | None:
    """Return the tag and the number of a value of a summary; None if it is no single number."""
    tag = b""
    number: float | None = None
    for key, value, stop in _fields(data, start, end):
        if key == 0x0A:
            tag = data[value:stop]
        elif key == 0x15:  # simple_value
            (number,) = _FLOAT.unpack_from(data, value)
        elif key == 0x42:  # tensor
            number = _scalar(data, value, stop)
    return None if number is None else (tag, number)


def _scalar(data: bytes, start: int, end: int) -> float | None:
    """Return the number of a tensor that has a single element; None for any other tensor."""
    dtype, numbers, content = 0, [], b""
    for key, value, stop in _fields(data, start, end):
        if key == 0x08:
            dtype = value
        elif key == 0x22:
            content = data[value:stop]
        elif key == 0x2D:
            numbers.append(_FLOAT.unpack_from(data, value)[0])
        elif key == 0x2A:
            numbers += struct.unpack(f"<{(stop - value) // 4}f", data[value:stop])
        elif key == 0x31:
            numbers.append(_DOUBLE.unpack_from(data, value)[0])
        elif key == 0x32:
            numbers += struct.unpack(f"<{(stop - value) // 8}d", data[value:stop])
        elif key in (0x38, 0x50):  # int_val, int64_val
            numbers.append(value)
        elif key in (0x3A, 0x52):
            numbers += _varints(data, value, stop)
    if content and dtype in _ELEMENTS and len(content) == struct.calcsize(_ELEMENTS[dtype]):
        numbers.append(struct.unpack(_ELEMENTS[dtype], content)[0])
    return numbers[0] if len(numbers) == 1 and dtype in _ELEMENTS else None


def _fields(data: bytes, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the fields of a message, as (key, value, end).

    The key is the field's number times 8, plus its wire type. A varint stands in `value`; of other fields,
    `data[value:end]` is the content.

    Raises:
        IndexError, ValueError: the bytes are no message.
    """
    while place < end:
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 2:
            length, place = _varint(data, place)
            stop = place + length
            if stop > end:
                raise ValueError("a field is longer than its message")
            yield key, place, stop
            place = stop
        elif kind == 0:
            value, place = _varint(data, place)
            yield key, value - (1 << 64) if value >> 63 else value, place
        elif kind in (1, 5):
            stop = place + (8 if kind == 1 else 4)
            yield key, place, stop
            place = stop
        else:
            raise ValueError("a wire type that is not used")


def _varints(data: bytes, place: int, end: int) -> Iterator[int]:
    """Yield the numbers of a packed field."""
    while place < end:
        value, place = _varint(data, place)
        yield value - (1 << 64) if value >> 63 else value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _make_table() -> list[int]:
    """Return the table of CRC-32C (Castagnoli), reflected polynomial 0x82F63B78, a byte at a time."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _make_table()


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C of some bytes as the files have it: rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@functools.lru_cache(maxsize=4096)  # most records have one of a few lengths
def _length(head: bytes) -> int | None:
    """Return the length of a record by its first 12 bytes; None if its CRC is wrong."""
    length, crc = struct.unpack("<QI", head)
    return int(length) if masked_crc(head[:8]) == crc else None
