"""`make gpu` where there is no card: what it says, its limits and its table; and the checks that the stub can serve."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BENCH = ROOT / "bench"


def prove(*options: str, limit_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCH / "gpu"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)


def has_driver() -> bool:
    from launcher.devices.nvml import find_gpus

    return bool(find_gpus())


@pytest.mark.skipif(has_driver(), reason="there is a card: make gpu proves more on it")
def test_without_a_card_it_says_so_in_one_line() -> None:
    done = prove()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("no CUDA device on this machine")


def test_a_part_that_takes_too_long_is_ended_and_told_and_the_next_runs() -> None:
    done = prove("--dry", "--limit", "0.001", "found", "refused")
    assert done.returncode == 1
    for name in ("found", "refused"):
        assert f"part {name}" in done.stdout
    assert done.stdout.count("took more than 0 s, and was ended") == 2
    assert "2 rows, 2 failed" in done.stdout


def test_a_part_by_another_name_is_refused_with_the_names_there_are() -> None:
    done = prove("--dry", "fond")
    assert done.returncode == 2
    assert "there is no part fond; there are found, seen" in done.stderr


@pytest.mark.slow
def test_the_stub_serves_the_checks_that_need_no_arithmetic_of_a_card() -> None:
    done = prove("--stub", "found", "seen", "asserted", "shared", limit_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    for check in (
        "device found",
        "two workers train on the card",
        "a worker is bound to the card alone",
        "a device-side assert leaves the next experiment alone",
        "five experiments share the card",
    ):
        line = next(line for line in done.stdout.splitlines() if line.startswith(check))
        assert line.removeprefix(check).split()[0] == "ok", line


PAGE = """
import sys
sys.path[:0] = [{gpu!r}, {bench!r}]
import all as every_benchmark
from result import Result, as_markdown

table = as_markdown([Result("device found", "ok", "Some GPU | 80 GiB"), Result("a", "measured")])
gpu = dict(at="2026-11-26", commit="abc", card="Some GPU", memory_gib=80.0, machine="m", seconds=9, table=table)
print(every_benchmark.page({{}}, gpu if sys.argv[1:] else None))
"""


def test_what_a_card_has_shown_stands_in_the_page_of_benchmarks() -> None:
    script = PAGE.format(gpu=str(BENCH / "gpu"), bench=str(BENCH))
    pages = [subprocess.check_output([sys.executable, "-c", script, *more], text=True) for more in ([], ["gpu"])]
    assert "## gpu" not in pages[0]
    assert "## gpu\n\nWritten by `make gpu`: 2026-11-26, commit abc; Some GPU, 80.0 GiB; m; 9 s." in pages[1]
    assert "| device found | ok | Some GPU / 80 GiB |" in pages[1]
