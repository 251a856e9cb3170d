"""Kills launchers and workers at random until the time is over, and counts what was lost: `make soak SECONDS=600`.

Every round is drawn from the printed seed. The summary says how many rounds held, kills survived, records checked and
lost, and processes left; the exit code is 1 if anything was lost or left.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from launcher.records import RecordReader
from tests.launcher.conftest import TOYS, Workplace, marked, wait_for
from tests.launcher.faults import check, endings, steps, undisturbed

CALLS = ("write", "rename", "unlink", "fsync", "openat", "ftruncate")


def count_lost(place: Workplace, tally: Counter[str]) -> None:
    """Compare what training code saw acknowledged with what the record files hold."""
    for path in (place.folder / "acks").iterdir():
        acked = {tuple(map(int, line.split())) for line in path.read_text().splitlines()}
        reader = RecordReader(place.paths.records(path.name))
        held = {(record["attempt"], record["step"]) for record in reader.read() if "kind" not in record}
        newest = max((attempt for attempt, _ in held), default=0)
        tally["records checked"] += len(acked)
        # What a start from the beginning has replaced is gone on purpose.
        tally["records lost"] += len({one for one in acked - held if one[0] == newest})


def kill_launcher(place: Workplace, process: subprocess.Popen[str], tally: Counter[str]) -> None:
    """Kill the launcher, and see that nothing of it lives after two seconds."""
    process.kill()
    process.communicate()
    tally["kills survived"] += 1
    try:
        wait_for(lambda: not marked(place.mark), limit_s=2.0)
    except AssertionError:
        tally["processes left"] += len(marked(place.mark))


def kill_and_continue(place: Workplace, dice: random.Random, tally: Counter[str]) -> None:
    """Kill the launcher at random moments until the sweep is done; then it must equal an undisturbed one."""
    names = [f"e{number}" for number in range(dice.choice([3, 8]))]
    (place.folder / "acks").mkdir()
    experiments = {name: {"steps": 40, "step_s": 0.02, "act": "checkpoint"} for name in names}
    expected = undisturbed(place, experiments)
    acks = str(place.folder / "acks")
    place.toy({name: one | {"acks": acks} for name, one in experiments.items()}, checkpoint_s=0.1)
    while True:
        process = place.start("job.toml", "--parallel", "--devices", "0,1")
        try:
            process.communicate(timeout=dice.uniform(0.6, 4.0))
            break
        except subprocess.TimeoutExpired:
            kill_launcher(place, process, tally)
            count_lost(place, tally)
    assert process.returncode == 0
    assert {name: steps(place, name) for name in names} == expected
    check(place, *names)


def kill_with_children(place: Workplace, dice: random.Random, tally: Counter[str]) -> None:
    """Kill the launcher at a random moment of two workers with children of all kinds, hanging or not."""
    place.toy(
        {"a": {"act": "children", "steps": 50, "step_s": 0.05}, "b": {"act": dice.choice(["stuck", "mp children"])}}
    )
    process = place.start("job.toml", "--parallel", "--devices", "0,1")
    time.sleep(dice.uniform(0.2, 2.5))
    kill_launcher(place, process, tally)


def kill_in_system_call(place: Workplace, dice: random.Random, tally: Counter[str]) -> None:
    """Kill the launcher, or whatever process it is, inside a system call chosen at random; then go on to the end."""
    place.toy({"a": {"act": "checkpoint", "steps": 8}, "b": {"steps": 8}}, checkpoint_s=0)
    environment = os.environ | {"PYTHONPATH": str(TOYS)}
    for _ in range(3):
        call, number = dice.choice(CALLS), dice.randint(1, 60)
        inject = f"inject={call}:signal=KILL:when={number}"
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
        command += [sys.executable, "-m", "launcher", "job.toml"]
        subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, timeout=90, check=False)
        tally["kills survived"] += 1
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert len(steps(place, "a")) == len(steps(place, "b")) == 8
    check(place, "a", "b")


def race(place: Workplace, dice: random.Random, tally: Counter[str]) -> None:
    """Start launchers at once in one folder: the work is done once, the others say who does it."""
    place.toy({"a": {"steps": 2, "barrier": str(place.folder / "go")}})
    launches = [place.start("job.toml") for _ in range(dice.randint(2, 8))]
    wait_for(lambda: sum(launch.poll() is not None for launch in launches) == len(launches) - 1)
    (place.folder / "go").touch()
    for launch in launches:
        launch.communicate(timeout=60)
    assert sorted(launch.returncode for launch in launches) == [0] + [3] * (len(launches) - 1)
    check(place, "a")


def many_faults(place: Workplace, dice: random.Random, tally: Counter[str]) -> None:
    """Run many short experiments with random faults and few descriptors; each must have its ending."""
    acts = {f"e{number}": dice.choice(["", "", "raise", "exit", "kill", "segv", "nan"]) for number in range(100)}
    place.toy({name: {"at": 2, "act": act} for name, act in acts.items()})
    few = (128, 128)
    process = place.start(
        "job.toml", "--parallel", "--devices", "0,1", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few)
    )
    process.communicate(timeout=200)
    expected = {"": "done", "nan": "done", "raise": "failed", "exit": "failed", "kill": "killed", "segv": "killed"}
    assert endings(place) == {name: expected[act] for name, act in acts.items()}
    check(place, *acts)


def main() -> int:
    """Run rounds until the time is over and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
    dice = random.Random(options.seed)
    rounds: list[Callable[[Workplace, random.Random, Counter[str]], None]] = [
        kill_and_continue, kill_with_children, race, many_faults
    ]  # fmt: skip
    if shutil.which("strace"):
        rounds.append(kill_in_system_call)
    else:
        print("without strace: no kills inside chosen system calls")
    tally = Counter({"kills survived": 0, "records checked": 0, "records lost": 0, "processes left": 0})
    failures = []
    end_s = time.monotonic() + options.seconds
    while time.monotonic() < end_s:
        one = rounds[tally["rounds"] % len(rounds)]
        tally["rounds"] += 1
        with tempfile.TemporaryDirectory() as folder:
            place = Workplace(Path(folder))
            try:
                one(place, dice, tally)
            except Exception as error:  # noqa: BLE001  a failed round is told, and the soak goes on
                failures.append(f"round {tally['rounds']}, {one.__name__}: {type(error).__name__}: {error}")
                print(failures[-1], flush=True)
            for process in marked(place.mark):
                tally["processes left"] += 1
                process.kill()
        print(f"round {tally['rounds']} {one.__name__}: {dict(tally)}", flush=True)
    print(
        f"\n{tally['rounds']} rounds, {len(failures)} failed; "
        + ", ".join(f"{v} {k}" for k, v in tally.items() if k != "rounds")
    )
    return 1 if failures or tally["records lost"] or tally["processes left"] else 0


if __name__ == "__main__":
    sys.exit(main())
