"""Shared by the scripts of the peers: the folder of the command line, its experiments, and the workload `train`.

A script beside this file has `from common import read, train`. The worker processes of a peer find `train` too.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCH))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(BENCH), os.environ.get("PYTHONPATH")]))  # for workers

from workload import train  # noqa: E402  found by the path above

__all__ = ["BENCH", "read", "train"]


def read() -> tuple[Path, dict[str, dict[str, Any]]]:
    """Return FOLDER of the command line and its experiments in their order."""
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: python {sys.argv[0]} FOLDER    (FOLDER holds experiments.json)")
    folder = Path(sys.argv[1]).resolve()
    return folder, json.loads((folder / "experiments.json").read_text())
