"""Checks on a real GPU what this launcher promises, in under ten minutes: `make gpu`.

    python bench/gpu                  # every check and figure on the card that is there
    python bench/gpu NAME…            # only these parts
    python bench/gpu --dry [NAME…]    # without a card: every line that a CPU can run; the limits are longer
    python bench/gpu --stub [NAME…]   # the same, with the stub of the tests in place of the driver

Each part runs in a process of its own, with a time limit of its own. The results are printed as a table: check,
result, figure. On a real card they are also written to bench/gpu.json and to the section "gpu" of bench/README.md.
Parts that run again on the same card replace their rows there.
The exit code is 1 if a check failed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

import checks_device  # noqa: E402
import checks_memory  # noqa: E402
import checks_numbers  # noqa: E402
import checks_scripts  # noqa: E402
import figures  # noqa: E402
import rows  # noqa: E402, F401  sets the path for the processes that are started
from card import Card, dry_card, find_card  # noqa: E402
from patience import be_patient, patient  # noqa: E402
from result import FAILED, SKIPPED, Result, as_text  # noqa: E402
from written import write_down  # noqa: E402

TOTAL_S = 570.0
# The parts in the order in which they run, and the seconds that each may take. Cheap and important parts come first.
LIMITS = {
    "found": 30, "seen": 60, "refused": 40, "asserted": 60, "shared": 60, "held": 80, "exhausted": 90, "freed": 110,
    "scripted": 90, "reproduced": 110, "unsynchronised": 80, "tests": 60, "sensed": 60, "started": 60, "multiplied": 40,
    "recorded": 70, "speed_baseline": 130, "together": 90, "optional": 130, "speed_large": 130,
}  # fmt: skip


def tests(card: Card) -> Iterator[Result]:
    """Run the tests that are marked `gpu`."""
    if importlib.util.find_spec("pytest") is None:
        yield Result("tests marked gpu", SKIPPED, "pytest is not installed")
        return
    options = ["-m", "gpu", "-p", "no:cacheprovider", "--durations", "0"]
    command = [sys.executable, "-m", "pytest", *options, "tests/minigpt"]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    last = (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["no word"])[-1]
    result = SKIPPED if " passed" not in last and done.returncode == 0 else FAILED if done.returncode else "ok"
    yield Result("tests marked gpu", result, last.strip("= "))


PARTS: dict[str, Callable[[Card], Iterator[Result]]] = {
    **checks_device.PARTS, **checks_memory.PARTS, **checks_numbers.PARTS, **checks_scripts.PARTS,
    **figures.PARTS, "tests": tests,
}  # fmt: skip


def run_part(name: str, limit_s: float, mode: list[str]) -> list[Result]:
    """Return the results of a part, run in a process of its own. Those found before a failure or time-out are kept."""
    with tempfile.TemporaryFile("w+") as complaints:
        command = [sys.executable, str(HERE), "--part", name, *mode]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, start_new_session=True
        )
        try:
            out, _ = process.communicate(timeout=limit_s)
            problem = "" if process.returncode == 0 else _last_line(complaints) or f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            problem = f"took more than {limit_s:.0f} s, and was ended"
    results = [Result(**json.loads(line)) for line in out.splitlines() if line.startswith("{")]
    return [*results, Result(f"part {name}", FAILED, problem)] if problem else results


def _last_line(file: object) -> str:
    file.seek(0)  # type: ignore[attr-defined]
    lines = file.read().strip().splitlines()  # type: ignore[attr-defined]
    return str(lines[-1][:300]) if lines else ""


def be_part(name: str, card: Card) -> None:
    """Run a part as the child process of `run_part`, and print each result as a line of JSON."""
    for result in PARTS[name](card):
        print(json.dumps(asdict(result)), flush=True)


@contextlib.contextmanager
def stub_driver() -> Iterator[None]:
    """Put the stub of the tests in place of the driver, for the child processes, during the block."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("--stub compiles tests/launcher/nvml_stub.c: no C compiler here")
    with tempfile.TemporaryDirectory() as name:
        source = HERE.parents[1] / "tests" / "launcher" / "nvml_stub.c"
        library = Path(name) / "libnvidia-ml.so.1"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        (Path(name) / "cards.txt").write_text("card 0 8192 0\n")
        os.environ |= {"LD_LIBRARY_PATH": name, "NVML_SCRIPT": str(Path(name) / "cards.txt")}
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # it names real cards, or hides all
        yield


def main() -> int:
    """Run the parts and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(LIMITS)}")
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--stub", action="store_true")
    parser.add_argument("--limit", type=float, default=TOTAL_S, metavar="S", help="at most so many seconds a part")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in LIMITS]:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(LIMITS)}")
    if options.part:
        card = dry_card() if options.dry else find_card(is_stub=options.stub)
        assert card is not None, "the parent process has found a card"
        be_part(options.part, card)
        return 0
    if options.dry or options.stub:
        be_patient()
    with stub_driver() if options.stub else contextlib.nullcontext():
        limits = {name: min(LIMITS[name], options.limit) for name in options.names or LIMITS}
        return prove(limits, is_dry=options.dry, is_stub=options.stub)


def prove(limits: dict[str, float], *, is_dry: bool, is_stub: bool) -> int:
    """Run these parts, print the table and return the exit code. On a real card, write the results."""
    if not is_dry and not is_stub and find_card() is None:
        print("no CUDA device on this machine: nothing to prove (python bench/gpu --dry tries what a CPU can)")
        return 0
    mode = ["--dry"] if is_dry else ["--stub"] if is_stub else []
    by_part: dict[str, list[Result]] = {}
    began_s = time.monotonic()
    for name, limit_s in limits.items():
        left_s = patient(TOTAL_S) - (time.monotonic() - began_s)
        if left_s < 5:
            by_part[name] = [Result(f"part {name}", SKIPPED, f"the {patient(TOTAL_S):.0f} s were over")]
            continue
        part_began_s = time.monotonic()
        found = run_part(name, min(patient(limit_s), left_s), mode)
        by_part[name] = found
        took_s = time.monotonic() - part_began_s
        print(f"[{name}, {took_s:.0f} s]", *(f"\n  {row.result:<8} {row.check}: {row.figure}" for row in found),
              file=sys.stderr, flush=True)  # fmt: skip
    took_s = time.monotonic() - began_s
    results = [row for found in by_part.values() for row in found]
    print(as_text(results))
    num_failed = sum(row.result == FAILED for row in results)
    print(f"{len(results)} rows, {num_failed} failed, {took_s:.0f} s")
    if not is_dry and not is_stub:
        card = find_card()
        assert card is not None, "the parts have run on it"
        write_down(card, by_part, took_s, is_whole=limits.keys() == LIMITS.keys())
    return 1 if num_failed else 0


if __name__ == "__main__":
    sys.exit(main())
