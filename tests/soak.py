"""Kills launchers and workers at random until the time is over, and counts what was lost: `make soak SECONDS=600`.

Every round is drawn from the printed seed. The summary says how many rounds held, and for each case of the fault table
how often it was tried; then kills survived, records checked and lost, processes left. The exit code is 1 if anything
was lost or left or a round failed.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from launcher.store.attempts import read_last_attempts
from launcher.store.records import RecordReader
from tests.launcher.conftest import Workplace, marked, wait_for
from tests.launcher.faults import check, endings, killed_in, steps, undisturbed

STATE_CALLS = ("rename", "unlink", "ftruncate", "pwrite64", "write")  # by which the launcher changes its own files
ANY_CALLS = ("write", "rename", "unlink", "fsync", "openat", "ftruncate")
MOST_KILLS = 12  # of one sweep; then it is left alone and must end
HUNG_S = 120.0
ENDING_OF = {"": "done", "nan": "done", "raise": "failed", "exit": "failed", "kill": "killed", "segv": "killed"}


class Soak:
    """Rounds of faults, and the count of what came of them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        zero = dict.fromkeys(("kills survived", "records checked", "records lost", "hung", "processes left"), 0)
        self.tally = Counter(zero)
        self.tries: Counter[str] = Counter()
        self._next_cut = (0, 1)  # which of STATE_CALLS, and which call of it, is the next to be killed in

    def kill_launcher(self, place: Workplace, process: subprocess.Popen[str]) -> None:
        """Kill the launcher, and see that nothing of it lives after two seconds."""
        process.kill()
        process.communicate()
        self.tally["kills survived"] += 1
        try:
            wait_for(lambda: not marked(place.mark), limit_s=2.0)
        except AssertionError:
            self.tally["processes left"] += len(marked(place.mark))

    def count_lost(self, place: Workplace) -> None:
        """Compare what training code saw acknowledged with what the record files hold."""
        for path in (place.folder / "acks").iterdir():
            acked = {tuple(map(int, line.split())) for line in path.read_text().splitlines()}
            reader = RecordReader(place.paths.records(path.name))
            held = {(record["attempt"], record["step"]) for record in reader.read() if "kind" not in record}
            newest = max((attempt for attempt, _ in held), default=0)
            self.tally["records checked"] += len(acked)
            # What a start from the beginning has replaced is gone on purpose.
            self.tally["records lost"] += len({one for one in acked - held if one[0] == newest})

    def kill_and_continue(self, place: Workplace) -> None:
        """Kill the launcher at random moments of plain training functions until the sweep is done."""
        names = [f"e{number}" for number in range(self.dice.choice([3, 8]))]
        self._kill_until_done(place, {name: {"steps": 40, "step_s": 0.02, "act": "checkpoint"} for name in names})
        self.tries["11 kill and continue until done"] += 1

    def kill_busy_ones(self, place: Workplace) -> None:
        """Kill the launcher at random moments of loader processes, a pool at every step and 52 MB checkpoints."""
        whats = ("loader", "pool", "checkpoint")
        self._kill_until_done(place, {what: {"what": what} for what in whats}, "busy:train")
        self.tries["11 kill and continue: loaders, pools, large checkpoints"] += 1

    def _kill_until_done(
        self, place: Workplace, experiments: dict[str, dict[str, Any]], target: str = "toy:train"
    ) -> None:
        """Launch and kill until a launch ends by itself; the results must equal those of an undisturbed sweep."""
        expected = undisturbed(place, experiments, target)
        acks = place.folder / "acks"
        acks.mkdir()
        acknowledged = {name: one | {"acks": str(acks)} for name, one in experiments.items()}
        place.toy(acknowledged, target, checkpoint_s=0.1, preload=["torch"])  # checkpoints need torch
        process = place.start("job.toml", "--parallel", "--devices", "0,1")
        for _ in range(MOST_KILLS):
            try:
                process.communicate(timeout=self.dice.uniform(0.6, 6.0))
                break
            except subprocess.TimeoutExpired:
                self.kill_launcher(place, process)
                self.count_lost(place)
                process = place.start("job.toml", "--parallel", "--devices", "0,1")
        self._end_in_time(process)
        assert process.returncode == 0
        assert {name: steps(place, name) for name in experiments} == expected
        check(place, *experiments)

    def _end_in_time(self, process: subprocess.Popen[str]) -> None:
        """Wait for a launch that nobody kills any more; count it as hung where it takes much longer than it may."""
        try:
            process.communicate(timeout=HUNG_S)
        except subprocess.TimeoutExpired:
            self.tally["hung"] += 1
            process.kill()
            process.communicate()

    def kill_with_children(self, place: Workplace) -> None:
        """Kill the launcher at a random moment of two workers with children of all kinds, hanging or not."""
        for _ in range(6):
            hanging = self.dice.choice(["stuck", "mp children"])
            place.toy({"a": {"act": "children", "steps": 50, "step_s": 0.05}, "b": {"act": hanging}})
            process = place.start("job.toml", "--parallel", "--devices", "0,1", "--fresh")
            time.sleep(self.dice.uniform(0.2, 2.5))
            self.kill_launcher(place, process)
            self.tries["10 launcher killed, workers with children"] += 1

    def kill_at_every_call(self, place: Workplace) -> None:
        """Kill the launcher in its N-th write, rename, … for each N, until it gets by without that call."""
        for _ in range(8):
            index, number = self._next_cut
            place.toy({"a": {"act": "checkpoint", "steps": 8}, "b": {"steps": 8}}, checkpoint_s=0)
            was_killed = killed_in(place, STATE_CALLS[index], number, "--fresh")
            self.tally["kills survived"] += was_killed
            self._go_on(place)
            self._next_cut = (index, number + 1) if was_killed else ((index + 1) % len(STATE_CALLS), 1)
            self.tries[f"12 killed in its N-th {STATE_CALLS[index]}"] += was_killed

    def kill_in_any_process(self, place: Workplace) -> None:
        """Kill whatever process it is inside a system call chosen at random; then go on to the end."""
        place.toy({"a": {"act": "checkpoint", "steps": 8}, "b": {"steps": 8}}, checkpoint_s=0)
        for _ in range(3):
            call, number = self.dice.choice(ANY_CALLS), self.dice.randint(1, 60)
            self.tally["kills survived"] += killed_in(place, call, number, is_any_process=True)
            self.tries["12 any process killed in any call"] += 1
        self._go_on(place)

    def _go_on(self, place: Workplace) -> None:
        result = place.launch("job.toml")
        assert result.code == 0, result.err
        assert len(steps(place, "a")) == len(steps(place, "b")) == 8
        check(place, "a", "b")

    def race(self, place: Workplace) -> None:
        """Start launchers at once in one folder, five times: the work is done once, the others say who does it."""
        for number in range(5):
            self._race(place, place.folder / f"go{number}")

    def _race(self, place: Workplace, go: Path) -> None:
        place.toy({"a": {"steps": 2, "barrier": str(go)}})
        launches = [place.start("job.toml") for _ in range(self.dice.randint(2, 6))]
        wait_for(lambda: sum(launch.poll() is not None for launch in launches) == len(launches) - 1)
        go.touch()
        for launch in launches:
            launch.communicate(timeout=60)
        assert sorted(launch.returncode for launch in launches) == [0] + [3] * (len(launches) - 1)
        check(place, "a")
        self.tries["24 launchers race for a folder"] += 1

    def many_faults(self, place: Workplace) -> None:
        """Run 600 short experiments with random faults and few descriptors; the launcher must not grow."""
        acts = {f"e{number}": self.dice.choice(["", *ENDING_OF]) for number in range(600)}
        place.toy({name: {"at": 2, "act": act} for name, act in acts.items()})
        few = (128, 128)
        process = place.start(
            "job.toml",
            "--parallel",
            "--devices",
            "0,1",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few),
        )
        reader = threading.Thread(target=process.communicate)
        reader.start()
        samples = self._watch(place, psutil.Process(process.pid))
        reader.join()
        assert endings(place) == {name: ENDING_OF[act] for name, act in acts.items()}
        check(place, *acts)
        settled = np.array([sample for sample in samples if sample[0] >= 100])
        slope_kb, growth = np.polyfit(settled[:, 0], settled[:, 1], 1)[0] / 1000, settled[-1, 2] - settled[0, 2]
        print(f"  600 experiments: {slope_kb:.1f} kB an experiment, descriptors {growth:+.0f}", flush=True)
        assert slope_kb < 20
        assert growth <= 4
        self.tries["30 sweeps of 600 experiments"] += 1

    def _watch(self, place: Workplace, launcher: psutil.Process) -> list[tuple[int, int, int]]:
        """Return how many experiments have ended, the launcher's memory and its descriptors, ten times a second."""
        samples = []
        while launcher.is_running() and launcher.status() != psutil.STATUS_ZOMBIE:
            ended = sum(one.ending is not None for one in read_last_attempts(place.paths.events).values())
            try:
                samples.append((ended, launcher.memory_info().rss, launcher.num_fds()))
            except psutil.Error:
                break
            time.sleep(0.1)
        return samples


def main() -> int:
    """Run rounds until the time is over and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--load", type=int, default=0, help="processes that compute beside it, to load the machine")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s, load {options.load}", flush=True)
    with loaded(options.load):
        return soak_for(options.seconds, Soak(options.seed))


@contextlib.contextmanager
def loaded(num_processes: int) -> Iterator[None]:
    """Keep processes computing meanwhile."""
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(num_processes)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def soak_for(seconds: float, soak: Soak) -> int:
    """Run rounds until the time is over, print what came of them, and return the exit code."""
    rounds: list[Callable[[Workplace], None]] = [
        soak.kill_and_continue, soak.kill_busy_ones, soak.kill_with_children, soak.race, soak.many_faults
    ]  # fmt: skip
    if shutil.which("strace"):
        rounds += [soak.kill_at_every_call, soak.kill_in_any_process]
    else:
        print("without strace: no kills inside chosen system calls")
    failures = []
    number = 0
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        one = rounds[number % len(rounds)]
        number += 1
        with tempfile.TemporaryDirectory() as folder:
            place = Workplace(Path(folder))
            try:
                one(place)
            except Exception as error:  # noqa: BLE001  a failed round is told, and the soak goes on
                failures.append(f"round {number}, {one.__name__}: {type(error).__name__}: {error}")
                print(failures[-1], flush=True)
            for process in marked(place.mark):
                soak.tally["processes left"] += 1
                process.kill()
        print(f"round {number} {one.__name__}: {_text(soak.tally)}", flush=True)
    print("\n" + "\n".join(f"case {case}: {count}" for case, count in sorted(soak.tries.items())))
    print(f"{number} rounds, {len(failures)} failed; {_text(soak.tally)}")
    return 1 if failures or any(soak.tally[one] for one in ("records lost", "hung", "processes left")) else 0


def _text(tally: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in tally.items())


if __name__ == "__main__":
    sys.exit(main())
