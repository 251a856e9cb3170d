"""The end of processes that have left their worker's process group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.command.hooks import SHIM
from launcher.command.script import Script
from launcher.executors.lifeline import MARK, NamedLifeline, mark_of
from launcher.store.paths import Paths
from launcher.worker.spec import Spec


def make_spec(folder: Path, argv: Sequence[str] = ("torchrun", "train.py")) -> Spec:
    """Return the description of an attempt of which nothing matters but its environment."""
    script = Script(argv=tuple(argv), shown="", folder=folder, dir=folder, environment={})
    return Spec(
        experiment="a", attempt=1, target="", folder=folder, config={}, given={}, digest="", state_digest="", seed=0,
        device_type="cpu", environment={"KEY": "value"}, threads=1, paths=Paths(folder, folder), checkpoint_s=1.0,
        script=script,
    )  # fmt: skip


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a process with a child, each in a session of its own; it tells both pids."""
    code = "import os, time; os.fork() or os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def test_each_attempt_has_a_mark_of_its_own_and_all_have_one_lifeline(tmp_path: Path) -> None:
    lifeline = NamedLifeline()
    spec = make_spec(tmp_path)
    first, second = lifeline.marked(spec).environment, lifeline.marked(spec).environment
    assert first["KEY"] == "value"
    assert first[MARK] != second[MARK]
    assert first["LAUNCHER_LIFELINE"] == second["LAUNCHER_LIFELINE"]
    folder = Path(first["LAUNCHER_LIFELINE"]).parent
    assert folder.exists()
    lifeline.close()
    assert not folder.exists()
    lifeline.close()


def test_closing_the_lifeline_ends_what_holds_on_to_it(tmp_path: Path) -> None:
    lifeline = NamedLifeline()
    environment = lifeline.marked(make_spec(tmp_path)).environment
    with start(environment | {"PYTHONPATH": SHIM}) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        lifeline.close()
        assert process.wait(timeout=20) == -signal.SIGKILL
        process.stdout.read()  # the child has it open as well


def test_every_script_is_marked_and_what_is_known_to_leave_the_group_has_the_lifeline(tmp_path: Path) -> None:
    lifeline = NamedLifeline()
    for argv in (["python", "train.py"], ["./fit"]):
        spec = lifeline.marked(make_spec(tmp_path, argv))
        assert mark_of(spec)
        assert "LAUNCHER_LIFELINE" not in spec.environment
    function = replace(make_spec(tmp_path, []), script=None, target="train:run")
    assert lifeline.marked(function) is function
    lifeline.close()


def test_the_lifeline_of_a_launcher_that_was_killed_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, held = (Path(tempfile.mkdtemp(prefix="sweep-launcher-lifeline-")) / "lifeline" for _ in range(2))
    for path in (dead, held):
        os.mkfifo(path)
        os.utime(path, (0, 0))
    fd = os.open(held, os.O_RDWR | os.O_NONBLOCK)
    lifeline = NamedLifeline()
    own = Path(lifeline.marked(make_spec(tmp_path)).environment["LAUNCHER_LIFELINE"])
    assert sorted(tmp_path.iterdir()) == sorted([held.parent, own.parent])
    os.close(fd)
    lifeline.close()
