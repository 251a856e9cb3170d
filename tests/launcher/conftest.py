"""Fixtures of the launcher tests: a folder with a job in it, real launches of it, and a check for what is left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from launcher.store.history import History, read_history
from launcher.store.paths import Paths
from tests.engines.slurm import slurm, slurm_nodes  # noqa: F401, fixtures

TOYS = Path(__file__).parent / "toys"
MARK = "LAUNCHER_TEST_MARK"


def wait_for(condition: Callable[[], Any], limit_s: float = 45.0) -> Any:
    """Wait until a condition holds and return its value; fail when it takes too long."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {limit_s} s: {condition}")


def marked(mark: str) -> list[psutil.Process]:
    """Return the live processes that descend from a launch with this mark in its environment."""
    while (found := _marked(mark)) is None:
        time.sleep(0.002)
    return found


def _marked(mark: str) -> list[psutil.Process] | None:
    """Return these processes; None while a process becomes another program, and has no environment for a moment."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if not environment and not process.cmdline() and process.exe():
                return None
            if environment.get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def spawn(place: Workplace, *command: str) -> subprocess.Popen[str]:
    """Start a process that leads a session of its own, as a worker does; the test ends it."""
    environment = os.environ | {MARK: place.mark}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, start_new_session=True, text=True, stdin=pipe, stdout=pipe)


def copy_toy(folder: Path) -> None:
    """Copy the modules of the target `toy:train` into a folder."""
    for module in ("toy.py", "toy_config.py"):
        shutil.copyfile(TOYS / module, folder / module)


def compile_stub(source: str, library: Path) -> None:
    """Compile one of the C files beside this one into a shared library, or skip the test."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip(f"no C compiler to build {source}")
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(Path(__file__).with_name(source))]
    subprocess.run(command, check=True)


@pytest.fixture(autouse=True, scope="session")
def _signals_as_at_a_terminal() -> None:
    """Undo what nohup or a script's `&` hands down: launches would inherit ignored signals, and honour that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclass
class Result:
    code: int
    out: str
    err: str


@dataclass
class Workplace:
    """A folder in which a job can be written and launched as a user would."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> Paths:
        return Paths(self.folder / "outcome" / "job", self.folder / "logs" / "job")

    def job(self, text: str, name: str = "job.toml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def toy(self, experiments: dict[str, dict[str, Any]], target: str = "toy:train", **settings: Any) -> Path:
        """Write a job of toy experiments; without metrics, so that no plots are drawn."""
        settings = {"target": target, "preload": [], "grace_s": 5, "metrics": []} | settings
        rows = [f"{key} = {_toml(value)}" for key, value in settings.items()]
        names = [
            f'"{name}" = {{ {", ".join(f"{k} = {_toml(v)}" for k, v in over.items())} }}'
            for name, over in experiments.items()
        ]
        return self.job("\n".join(["[sweep]", *rows, "[experiments]", *names, ""]))

    def start(self, *arguments: str, **kwargs: Any) -> subprocess.Popen[str]:
        hidden = ("DEVICES", "CUDA_VISIBLE_DEVICES")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        path = os.pathsep.join([str(TOYS), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment |= {"PYTHONPATH": path, MARK: self.mark, "LAUNCHER_LOCKS": str(self.folder / ".locks")}
        return subprocess.Popen(
            [sys.executable, "-m", "launcher", *arguments],
            cwd=self.folder,
            env=environment | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **kwargs,
        )

    def launch(self, *arguments: str, limit_s: float = 60.0) -> Result:
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"the launch took more than {limit_s} s\n{out}\n{err}") from None
        assert "Traceback" not in "".join(line for line in err.splitlines() if not line.startswith("  | ")), err
        return Result(process.returncode, out, err)

    def history(self, experiment: str) -> History:
        return read_history(self.paths.records(experiment))

    def log(self, experiment: str) -> str:
        path = self.paths.log(experiment)
        return path.read_text(errors="replace") if path.exists() else ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    """A workplace; afterwards no process of its launches may be alive, and no half-written file left."""
    workplace = Workplace(tmp_path)
    yield workplace
    try:
        wait_for(lambda: not marked(workplace.mark), limit_s=3.0)
    except AssertionError:
        left = [(process.pid, process.cmdline()) for process in marked(workplace.mark)]
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"processes left: {left}") from None
    unfinished = [str(path) for path in tmp_path.rglob("*.tmp")]
    assert not unfinished, f"temporary files left: {unfinished}"


class Cards:
    """The cards of the stub driver, as a test changes them while a launch runs."""

    def __init__(self, script: Path) -> None:
        self._script = script

    def are(self, *lines: str) -> None:
        beside = self._script.with_suffix(".new")
        beside.write_text("\n".join(lines) + "\n")
        beside.replace(self._script)


@pytest.fixture
def driver(place: Workplace) -> Workplace:
    """A workplace on a machine with two cards, of which the first is in use."""
    compile_stub("nvml_stub.c", place.folder / "libnvidia-ml.so.1")
    place.environment = {"LD_LIBRARY_PATH": str(place.folder), "NVML_SCRIPT": str(place.folder / "cards.txt")}
    return place


@pytest.fixture
def cards(driver: Workplace) -> Cards:
    """Two idle cards of 8 GiB, for a test to change."""
    both = Cards(driver.folder / "cards.txt")
    both.are("card 0 8192 0", "card 1 8192 0")
    return both


def open_files() -> set[str]:
    """Return what this process has open, but for the test machinery's own pipes and the libraries' data files."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{fd}")
            if "/dist-packages/" not in target and "/site-packages/" not in target:
                found.add(f"{fd} {target}")
    return found


@pytest.fixture
def two_nodes(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder as two machines see it over a network: each remembers for 20 s which names there are."""
    if shutil.which("bindfs") is None:
        pytest.skip("bindfs is not installed (apt-get install bindfs)")
    shared = tmp_path / "shared"
    nodes = tmp_path / "node1", tmp_path / "node2"
    remembers = "attr_timeout=20,entry_timeout=20,negative_timeout=20"
    with contextlib.ExitStack() as mounted:
        for folder in (shared, *nodes):
            folder.mkdir()
        for node in nodes:
            command = ["bindfs", "-f", "-o", remembers, str(shared), str(node)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            mounted.callback(_unmount, node, process)
            wait_for(lambda node=node, process=process: node.is_mount() or process.poll() is not None)
            if process.poll() is not None:
                pytest.skip(f"bindfs cannot mount here: {process.communicate()[1].strip()}")
        yield nodes


def _unmount(node: Path, process: subprocess.Popen[str]) -> None:
    if node.is_mount():
        subprocess.run(
            ["umount" if os.getuid() == 0 else "fusermount", *(["-u"] * (os.getuid() != 0)), node], check=True
        )
    process.communicate()


@pytest.fixture(autouse=True)
def _no_descriptor_left() -> Iterator[None]:
    before = open_files()
    yield
    left = {one for one in open_files() - before if "/proc/" not in one}
    assert not left, f"descriptors left open: {left}"
