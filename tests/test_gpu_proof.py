"""`make gpu` where there is no card: what it says, its limits and its table; and the checks that the stub can serve."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BENCH = ROOT / "bench"


def prove(*options: str, limit_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCH / "gpu"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)


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
from pathlib import Path
sys.path[:0] = [{gpu!r}, {bench!r}]
import all as every_benchmark
from card import Card
from result import Result
from written import write_down

every_benchmark.BENCH, every_benchmark.GPU_RESULTS = Path(), Path("gpu.json")
every_benchmark.commit = lambda: sys.argv[1]
runs = {{
    "whole": {{
        "found": [Result("device found", "ok", "Some GPU | 80 GiB")],
        "freed": [Result("freed", "FAILED", "a\\nb")],
    }},
    "part": {{"freed": [Result("freed", "ok", "free after 0.1 s")]}},
}}
write_down(Card(sys.argv[2], "GPU-1", 80 * 2**30), runs[sys.argv[3]], 9.2, is_whole=sys.argv[3] == "whole")
"""


def test_what_a_card_has_shown_stands_in_the_page_of_benchmarks(tmp_path: Path) -> None:
    script = PAGE.format(gpu=str(BENCH / "gpu"), bench=str(BENCH))

    def write_down(*words: str) -> str:
        subprocess.run([sys.executable, "-c", script, *words], cwd=tmp_path, check=True)
        page = tmp_path / "README.md"
        return page.read_text() if page.exists() else ""

    assert write_down("abc", "Some GPU", "part") == "", "there is no whole run of which it could be a part"
    page = write_down("abc", "Some GPU", "whole")
    assert ", commit abc; Some GPU, 80.0 GiB; " in page
    assert "; 9 s.\n" in page
    assert "| device found | ok | Some GPU / 80 GiB |\n| freed | FAILED | a b |" in page
    assert write_down("def", "Other GPU", "part") == page, "another card says nothing of this one"
    both = write_down("ghi", "Other GPU", "whole")
    assert page.rstrip() in both
    assert ", commit ghi; Other GPU, 80.0 GiB; " in both
    page = write_down("def", "Some GPU", "part")
    assert "| device found | ok | Some GPU / 80 GiB |\n| freed | ok | free after 0.1 s |" in page
    assert re.search(r", commit abc; .*; 9 s\. Run again: freed, \S+, commit def\.\n", page)
