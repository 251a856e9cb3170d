"""What is left after a worker or the launcher is killed: all peers with the same four experiments, side by side.

    python bench/faults.py [PEER…]     # peers: the scripts in bench/peers; default: the first five of PEERS

There are four experiments of 100 steps of 0.05 s, two at a time, and two faults, each in a launch of its own:
    a. The worker of the first experiment gets SIGKILL at its step 20. The launch then ends by itself.
    b. The launcher alone gets SIGKILL when two experiments are at step 20. The processes that it leaves behind are
       watched for 15 s and then killed, and the same command is typed again.
The processes of a launch, helpers and daemons too, are found by a variable in the environment that all of them inherit.
"Steps done twice" counts every repetition of a step, also by processes that were left behind.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import psutil

PEERS = {  # a script in bench/peers, and the packages that it needs
    "joblib_loky": ("joblib",),
    "hydra_joblib": ("hydra-core", "hydra-joblib-launcher"),
    "optuna_joblib": ("optuna", "joblib"),
    "ray_tune": ("ray",),
    "sweep_launcher": ("sweep-launcher",),
    "ray_core": ("ray",),
    "submitit_local": ("submitit",),
    "xargs": (),
}
COLUMNS = (
    "peer | a: exit code | told of it | others complete | neighbour's last step"
    " | b: alive after 2 s | after 15 s | steps after the kill | growing at 15 s"
    " | again: exit code | complete | steps done twice"
)
NAMES = ("first", "second", "third", "fourth")
STEPS = 100
STEP_S = 0.05
FAULT_STEP = 20
MARK = "SWEEP_BENCH_FAULTS"
LIMIT_S = 120.0


@contextmanager
def sweep() -> Iterator[Path]:
    """Give a folder with the four experiments. At the end kill the processes of its launches, and remove it."""
    # In /tmp, whatever TMPDIR says: Ray makes sockets there, and the path of a socket has 107 characters at most.
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        experiments = {name: {"steps": STEPS, "step_s": STEP_S} for name in NAMES}
        (folder / "experiments.json").write_text(json.dumps(experiments))
        try:
            yield folder
        finally:
            kill_all(folder)


def launch(peer: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start the command of a peer."""
    script = Path(__file__).parent / "peers" / f"{peer}.py"
    with open(folder / "output.txt", "ab") as output:
        return subprocess.Popen(
            [sys.executable, str(script), str(folder)],
            env=os.environ | {MARK: str(folder), "SPT_NOENV": "1"},  # else the process titles of Ray overwrite the mark
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def living(folder: Path) -> list[psutil.Process]:
    """Return the processes that carry the mark of this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # gone meanwhile, a zombie, or another user's
            continue
    return found


def kill_all(folder: Path) -> None:
    """Kill the processes that carry the mark, until there are none."""
    while processes := living(folder):
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=1)


def steps_of(folder: Path, name: str) -> list[tuple[int, int]]:
    """Return every step that an experiment has done, in order, each with the pid of its process."""
    file = folder / f"{name}.steps"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


def count_steps(folder: Path) -> int:
    """Return how many steps the four experiments have done."""
    return sum(len(steps_of(folder, name)) for name in NAMES)


def is_complete(folder: Path, name: str) -> bool:
    """Say whether an experiment has done each of its steps."""
    return {step for step, _ in steps_of(folder, name)} == set(range(1, STEPS + 1))


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a running launch has brought a condition about.

    Raises:
        RuntimeError: the launch ended first, or it took too long.
    """
    end_s = time.monotonic() + LIMIT_S
    while not is_so():
        if process.poll() is not None or time.monotonic() > end_s:
            output = (folder / "output.txt").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"no fault could be made: exit code {process.poll()}, {LIMIT_S} s at most.\n{output}")
        time.sleep(0.01)


def exit_code(process: subprocess.Popen[bytes]) -> str:
    """Return the exit code of a launch that ends by itself, or a dash if it does not end."""
    try:
        return str(process.wait(LIMIT_S))
    except subprocess.TimeoutExpired:
        return "—"


def kill_worker(peer: str) -> list[str]:
    """Return the columns of fault a."""
    with sweep() as folder:
        process = launch(peer, folder)
        wait_until(lambda: _has_step(folder, NAMES[0], FAULT_STEP) and _has_step(folder, NAMES[1], 1), process, folder)
        os.kill(steps_of(folder, NAMES[0])[-1][1], signal.SIGKILL)
        code = exit_code(process)
        told = "no" if code in ("0", "—") else "yes"
        complete = sum(is_complete(folder, name) for name in NAMES[1:])
        return [code, told, f"{complete} of 3", str(steps_of(folder, NAMES[1])[-1][0])]


def kill_launcher(peer: str) -> list[str]:
    """Return the columns of fault b, and of the same command typed again."""
    with sweep() as folder:
        process = launch(peer, folder)
        wait_until(lambda: all(_has_step(folder, name, FAULT_STEP) for name in NAMES[:2]), process, folder)
        process.kill()
        process.wait()
        before = count_steps(folder)
        time.sleep(2)
        early = len(living(folder))
        time.sleep(12)
        almost = count_steps(folder)
        time.sleep(1)
        late, after = len(living(folder)), count_steps(folder)
        kill_all(folder)
        code = exit_code(launch(peer, folder))
        complete = sum(is_complete(folder, name) for name in NAMES)
        twice = count_steps(folder) - sum(len(dict(steps_of(folder, name))) for name in NAMES)
        left_behind = [str(early), str(late), str(after - before), "yes" if after > almost else "no"]
        return [*left_behind, code, f"{complete} of {len(NAMES)}", str(twice)]


def _has_step(folder: Path, name: str, step: int) -> bool:
    return len(steps_of(folder, name)) >= step


def main() -> None:
    """Print a row for each peer."""
    peers = sys.argv[1:] or list(PEERS)[:5]
    if unknown := [peer for peer in peers if peer not in PEERS]:
        raise SystemExit(f"no such peer: {', '.join(unknown)}. Peers: {', '.join(PEERS)}")
    versions: dict[str, str] = {}
    for peer in list(peers):
        try:
            versions |= {package: metadata.version(package) for package in PEERS[peer]}
        except metadata.PackageNotFoundError as error:
            print(f"{peer} is left out: {error.name} is not installed. Type: pip install '.[bench]'")
            peers.remove(peer)
    print(f"| {COLUMNS} |\n|{'---|' * len(COLUMNS.split(' | '))}", flush=True)
    for peer in peers:
        print(f"| {' | '.join([peer, *kill_worker(peer), *kill_launcher(peer)])} |", flush=True)
    listed = "".join(f", {package} {version}" for package, version in versions.items())
    print(f"\nPython {platform.python_version()}{listed}; {os.cpu_count()} CPUs; {datetime.date.today()}")


if __name__ == "__main__":
    main()
