"""Event files of TensorBoard: scalars of every kind, torn and damaged files, and what TensorBoard's own reader says."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launcher.sources.source import Found
from launcher.sources.tfevents import TfEvents, masked_crc
from tests import integrations_environment
from tests.launcher.sources.event_files import event, part, record, scalar, tensor, varint, version


def read(data: bytes, folder: str = "", piece: int = 1 << 16) -> list[Found]:
    events = TfEvents(0, folder)
    found = [each for place in range(0, len(data), piece) for each in events.feed(data[place : place + piece])]
    return found + events.finish()


def test_the_crc_is_that_of_the_standard() -> None:
    assert masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_scalars_are_found_with_their_step_and_the_offset_after_them() -> None:
    first = version() + event(0, [scalar("train/loss", 0.5)])
    second = first + event(3, [scalar("train/loss", 0.25), scalar("lr", 0.125)])
    expected = [
        Found({"train_loss": 0.5}, 0, (0, len(first))),
        Found({"train_loss": 0.25, "lr": 0.125}, 3, (0, len(second))),
    ]
    for piece in (1, 7, 1 << 16):
        assert read(second, piece=piece) == expected
    for cut in range(len(second)):
        assert read(second[:cut]) == expected[: 0 if cut < len(first) else 1]


FLOATS = part(2, part(2, b"\x08\x01"))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"\x08\x01" + part(2, b"") + part(4, struct.pack("<f", 0.5)), 0.5),
        (b"\x08\x02" + part(2, b"") + part(4, struct.pack("<d", 0.1)), 0.1),
        (b"\x08\x13" + part(4, struct.pack("<e", 0.5)), 0.5),
        (b"\x08\x03" + part(4, struct.pack("<i", -7)), -7),
        (b"\x08\x09" + part(4, struct.pack("<q", -7)), -7),
        (b"\x08\x01" + b"\x2d" + struct.pack("<f", 0.5), 0.5),
        (b"\x08\x01" + part(5, struct.pack("<f", 0.5)), 0.5),
        (b"\x08\x02" + b"\x31" + struct.pack("<d", 0.1), 0.1),
        (b"\x08\x02" + part(6, struct.pack("<d", 0.1)), 0.1),
        (b"\x08\x09" + part(10, varint(-3)), -3),
        (b"\x08\x03" + b"\x38" + varint(12), 12),
        (b"\x08\x01" + FLOATS + part(5, struct.pack("<2f", 0.5, 1)), None),
        (b"\x08\x01" + FLOATS + part(4, struct.pack("<2f", 0.5, 1)), None),
        (b"\x08\x07" + part(8, b"a text"), None),
        (b"\x08\x01", None),
        (b"\x08\x01" + part(4, b"abc"), None),
    ],
)
def test_a_tensor_of_a_single_number_is_a_scalar(content: bytes, value: float | None) -> None:
    found = read(version() + event(1, [tensor("loss", content), scalar("lr", 1)]))
    fields = {"lr": 1.0} if value is None else {"loss": value, "lr": 1.0}
    assert [(each.fields, each.step) for each in found] == [(fields, 1)]


def test_images_graphs_and_very_long_records_are_passed_over() -> None:
    image = part(1, part(1, b"picture") + part(4, b"\x08\x05" + part(4, b"x" * 100_000)))
    graph = record(part(4, b"g" * (17 << 20)))
    data = version() + event(1, [image, scalar("loss", 2)]) + graph + event(2, [scalar("loss", 1)])
    for piece in (1 << 16, 1 << 25):
        found = read(data, piece=piece)
        assert [(each.fields, each.step) for each in found] == [({"loss": 2.0}, 1), ({"loss": 1.0}, 2)]


def test_a_damaged_file_is_told_and_not_read_further() -> None:
    whole = version() + event(1, [scalar("loss", 2)])
    events = TfEvents(0)
    assert len(events.feed(whole + b"garbage, not a record" + event(2, [scalar("loss", 1)]))) == 1
    assert events.feed(event(3, [scalar("loss", 1)])) == []
    assert f"damaged at byte {len(whole):,}" in events.notes[0]


def test_a_damaged_event_in_a_whole_record_is_passed_over() -> None:
    for data in (b"\x2a\x7f\x01", b"\x10", b"\x17", b"\x10" + b"\xff" * 11, part(5, part(1, b"\x15\x00"))):
        assert [each.step for each in read(record(data) + event(2, [scalar("loss", 1)]))] == [2]


def test_negative_steps_are_passed_over() -> None:
    assert read(event(-1, [scalar("loss", 1)])) == []


@pytest.mark.parametrize(
    ("tag", "folder", "name"),
    [
        ("train/loss", "run-1", "train_loss"),
        ("epoch_loss", "validation", "validation_epoch_loss"),
        ("epoch_loss", "train", "train_epoch_loss"),
        ("train/loss", "train", "train_loss"),
        ("loss", "loss_val", "loss_val"),
        ("Loss/top 5", "Loss_top_5_val", "Loss_top_5_val"),
        ("n", "", "n_"),
        ("Verlust/ü", "", "Verlust"),
        ("%", "", None),
    ],
)
def test_a_tag_and_its_folder_make_the_name_of_a_metric(tag: str, folder: str, name: str | None) -> None:
    found = read(event(1, [scalar(tag, 1)]), folder)
    assert [list(each.fields) for each in found] == ([] if name is None else [[name]])


def test_records_that_were_there_before_are_passed_over() -> None:
    old, new = version() + event(1, [scalar("loss", 1)]), event(2, [scalar("loss", 2)])
    assert [each.step for each in TfEvents(0, "", len(old)).feed(old + new)] == [2]


@given(st.binary(max_size=200), st.integers(0, 250), st.binary(min_size=1, max_size=4))
@settings(max_examples=200)
def test_any_bytes_are_read_or_passed_over(data: bytes, place: int, change: bytes) -> None:
    whole = version() + event(1, [scalar("loss", 2), tensor("x", b"\x08\x01" + part(5, struct.pack("<f", 0.5)))])
    read(whole[:place] + change + whole[place + len(change) :])
    read(record(data))
    read(data)


SCRIPT = """
import json, sys
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

writer = EventFileWriter(sys.argv[1])
for step in range(500):
    old = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="loss", simple_value=step * 0.1 - 7)])
    others = [histogram_pb("weights", np.arange(9.0)), text_pb("note", "hello")] if step % 50 == 0 else []
    for summary in (old, scalar_pb("lr", 1e-3 / (step + 1)), *others):
        writer.add_event(event_pb2.Event(wall_time=step, step=step, summary=summary))
writer.close()
theirs = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0}).Reload()
read = [["loss", each.step, each.value] for each in theirs.Scalars("loss")]
read += [["lr", each.step, each.tensor_proto.float_val[0]] for each in theirs.Tensors("lr")]
print(json.dumps(read))
"""


def test_tensorboards_own_reader_says_the_same(tmp_path: Path) -> None:
    if not (python := integrations_environment.program()):
        pytest.skip("there is no environment with tensorboard: make integrations")
    told = subprocess.run([python, "-W", "ignore", "-c", SCRIPT, str(tmp_path)], capture_output=True, check=True)
    [path] = tmp_path.iterdir()
    found = read(path.read_bytes() + version()[:17])  # with a torn tail
    ours = [[tag, each.step, each.fields[tag]] for tag in ("loss", "lr") for each in found if tag in each.fields]
    assert ours == json.loads(told.stdout)
    assert len(ours) == len(found) == 1000
