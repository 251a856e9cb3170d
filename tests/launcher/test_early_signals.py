"""A signal that comes while modules are imported ends the command in order, also where Python loses what is raised."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import early_signals
from launcher.engine.signals import signals_to

KILL = "import os, signal\nos.kill(os.getpid(), signal.{name})\nfor _ in range(10**6): pass"


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("where", ["exec", "set_name", "weak_reference"])
def test_the_exit_code_is_that_of_the_signal(tmp_path: Path, name: str, code: int, where: str) -> None:
    kill = KILL.format(name=name)
    body = {
        "exec": f"exec({kill!r})",
        "set_name": f"class Field:\n    def __set_name__(self, *_): exec({kill!r})\nclass Owner: field = Field()",
        "weak_reference": f"import weakref\nclass Mark: pass\nmark = Mark()\n"
        f"ref = weakref.ref(mark, lambda _: exec({kill!r}))\ndel mark",
    }[where]
    lines = [
        "from launcher import __main__ as it",
        "from launcher.cli import app",
        f"def run(): exec({body!r}, {{}}); raise ValueError('lost')",
        "app.main = run",
        "it.main()",
    ]
    (tmp_path / "odd.py").write_text("\n".join(lines))
    environment = os.environ | {"PYTHONPATH": f"{Path.cwd()}:{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-m", "odd"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stderr


def test_a_launch_takes_a_signal_that_was_lost_before_it() -> None:
    early_signals.received.append(signal.SIGTERM)
    taken: list[signal.Signals] = []
    with selectors.DefaultSelector() as selector, signals_to(selector, taken.append, taken.append):
        for key, _ in selector.select(5.0):
            key.data()
    assert taken == [signal.SIGTERM]
    assert not early_signals.received
