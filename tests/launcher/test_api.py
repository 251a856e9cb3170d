"""A sweep run from a script of the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.launcher.conftest import Workplace


def test_the_python_interface(place: Workplace) -> None:
    place.toy({"a": {}, "b": {"act": "raise"}})
    script = place.folder / "script.py"
    script.write_text(
        "from launcher import load, run\n"
        "if __name__ == '__main__':\n"
        "    summary = run(load('job.toml'), devices='cpu', parallel=True)\n"
        "    print({name: ending.kind for name, ending in summary.endings.items()}, summary.exit_code)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent / "toys")}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=place.folder, env=environment, capture_output=True, text=True, check=True
    )
    assert "'a': 'done'" in done.stdout
    assert "'b': 'failed'} 1" in done.stdout
