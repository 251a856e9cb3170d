"""S16: following a script's output and event files: what a line that matches costs the worker, and the script nothing.

    python bench/sources.py

Figures are CPU time of the process that follows, the record included where it says so.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rows import Row, alternate, markdown

from launcher.sources.follow import Sources
from launcher.sources.source import Found, SourceSpec
from launcher.sources.tfevents import masked_crc
from launcher.store.records import RecordWriter

LINES = 50_000
TEMPLATES = ("iter {step}: loss {loss}, time {}ms", "step {step}: train loss {train_loss}, val loss {val_loss}")
OVERLAPPING = ("loss {loss}, time {}ms", "test loss {test_loss}, time {}ms")
PRINT = "import sys\nfor i in range({}):\n    print(f'iter {{i}}: loss {{3 - i * 1e-5:.4f}}, time {{i % 50}}.31ms')\n"


def follow(spec: SourceSpec, folder: Path, *, has_records: bool) -> tuple[float, int]:
    """Follow a file that is there, as a worker does; return the microseconds of CPU time, and how much was found."""
    records = folder / "records.jsonl"
    records.unlink(missing_ok=True)
    writer = RecordWriter(records, attempt=1)
    began_s, num = time.process_time(), 0
    sources = Sources([spec])
    while True:
        found = sources.poll()
        num += len(found)
        if has_records:
            write(writer, found)
        if not sources.is_behind:
            break
    took_s = time.process_time() - began_s
    writer.close()
    return took_s * 1e6, num


def write(writer: RecordWriter, found: list[Found]) -> None:
    """Write what was found as records."""
    for fields, step, src in found:
        writer.write(fields, step, src)


def each(spec: SourceSpec, folder: Path, num: int, *, has_records: bool) -> Callable[[], float]:
    """Return a measurement: microseconds for each of `num` lines or scalars."""
    return lambda: follow(spec, folder, has_records=has_records)[0] / num


def printing(folder: Path, *, is_followed: bool) -> float:
    """Return the CPU microseconds that a script takes for a line that it prints into a file, followed or not."""
    log = folder / "printed.log"
    log.write_bytes(b"")
    sources = Sources([SourceSpec(kind="templates", path=str(log), templates=TEMPLATES)])
    code = PRINT.format(LINES) + "import os\nt = os.times()\nprint(t.user + t.system, file=sys.stderr)\n"
    with log.open("ab") as output:
        script = subprocess.Popen([sys.executable, "-c", code], stdout=output, stderr=subprocess.PIPE, text=True)
    while script.poll() is None:
        if is_followed:
            sources.poll()
        time.sleep(0.05)
    assert script.stderr is not None
    with script.stderr:
        return float(script.stderr.read()) * 1e6 / LINES


def event_file(path: Path, num: int) -> None:
    """Write an event file with `num` scalars of four tags."""

    def record(data: bytes) -> bytes:
        length = struct.pack("<Q", len(data))
        return length + struct.pack("<I", masked_crc(length)) + data + bytes(4)

    def event(step: int, tag: bytes) -> bytes:
        value = b"\x0a" + bytes([len(tag)]) + tag + b"\x15" + struct.pack("<f", step / 7)
        summary = b"\x0a" + bytes([len(value)]) + value
        steps = bytes([0x10, step & 127 | 128, step >> 7 & 127 | 128, step >> 14])
        return b"\x09" + struct.pack("<d", 1.7e9) + steps + b"\x2a" + bytes([len(summary)]) + summary

    tags = (b"train/loss", b"train/grad_norm", b"train/learning_rate", b"train/epoch")
    path.write_bytes(b"".join(record(event(number // 4, tags[number % 4])) for number in range(num)))


def measure() -> list[Row]:
    """Return the rows of S16."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "log").write_text(
            "".join(f"iter {i}: loss {3 - i * 1e-5:.4f}, time {i % 50}.31ms\n" for i in range(LINES))
        )
        (folder / "other").write_text(
            "".join(f"nothing of interest is on line {i} of this log\n" for i in range(LINES))
        )
        event_file(folder / "events.out.tfevents.1", LINES)
        log, other = (
            SourceSpec(kind="templates", path=str(folder / each), templates=TEMPLATES) for each in ("log", "other")
        )
        overlapping = SourceSpec(kind="templates", path=str(folder / "log"), templates=OVERLAPPING)
        events = SourceSpec(kind="events", path=str(folder / "*tfevents*"))
        sides = {
            "matches": each(log, folder, LINES, has_records=True),
            "found": each(log, folder, LINES, has_records=False),
            "overlapping": each(overlapping, folder, LINES, has_records=False),
            "other": each(other, folder, LINES, has_records=True),
            "scalar": each(events, folder, LINES, has_records=False),
        }
        costs = alternate(sides, 5)
        script = alternate(
            {
                "alone": lambda: printing(folder, is_followed=False),
                "followed": lambda: printing(folder, is_followed=True),
            },
            9,
        )
    ratio = script["followed"] / script["alone"]
    return [
        Row("S16", "a printed line that a template matches, with its record", f"{costs['matches']:.1f} µs",
            f"without the record {costs['found']:.1f} µs", "", "≤ 6 µs", costs["matches"] <= 6.0),
        Row("S16", "a printed line that two templates may match, of which one says more",
            f"{costs['overlapping']:.1f} µs", f"of which one matches {costs['found']:.1f} µs", "", "", None),
        Row("S16", "a printed line that no template matches", f"{costs['other']:.1f} µs", "", "", "", None),
        Row("S16", "a scalar of an event file", f"{costs['scalar']:.1f} µs", "", "", "≤ 15 µs",
            costs["scalar"] <= 15.0),
        Row("S16", "a line that the script prints, while it is followed", f"{script['followed']:.1f} µs",
            f"not followed {script['alone']:.1f} µs", f"{ratio:.2f}", "≤ 1.1", ratio <= 1.1),
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown(measure()))
