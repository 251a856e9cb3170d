"""`python -m tests.engines.on_processes …`: the command line, with `ProcessCluster` where it is told slurm."""

from __future__ import annotations

import os
from pathlib import Path

from launcher.clusters import make
from tests.engines.processes import ProcessCluster


def _make(_name: str, _settings: object, outcome: Path, _grace_s: float, can_resume: bool) -> ProcessCluster:
    folder = Path(os.environ["PROCESS_CLUSTER"])
    return ProcessCluster(folder, outcome, int(os.environ.get("PROCESS_CLUSTER_AT_ONCE", "4")))


make.make_cluster = _make  # type: ignore[assignment]

if __name__ == "__main__":
    from launcher.__main__ import main

    main()
