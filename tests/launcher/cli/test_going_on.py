"""The commands that are told: what goes on with a sweep, and what trains it again."""

from __future__ import annotations

from pathlib import Path

from launcher.reports.reproduce import commands
from launcher.reports.status import SweepStatus
from launcher.store.launch_info import LaunchInfo, Placement
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths


def test_what_goes_on_does_not_begin_anew() -> None:
    launch = LaunchInfo(argv=["/x/launcher/__main__.py", "run", "a.toml", "--fresh", "--parallel"])
    stopped = SweepStatus(
        sweep="a", job_file="a.toml", metric=None, phase="ended", launcher=None, launch=launch, experiments=[]
    )
    assert stopped.command == "python -m launcher run a.toml --parallel"


def test_the_same_training_has_what_was_set_and_as_many_workers_a_card() -> None:
    slots = [Placement("GPU 1", threads=2, share=share) for share in ("1/2", "2/2")]
    launch = LaunchInfo(cli_overrides={"lr": 1e-3, "name": "a b"}, slots=slots, mode="parallel")
    shown = commands(Manifest("s", "a.toml", "t:f", 0, [], [], [], launch), Paths(Path("o"), Path("l"))).splitlines()
    again, verify = (next(line for line in shown if f"launcher {word} " in line) for word in ("run", "verify"))
    assert "--parallel --devices 1 --slots-per-device 2 --threads 2 -S lr=0.001 -S 'name=\"a b\"'" in again
    assert "-S lr=0.001 -S 'name=\"a b\"' --outcome o" in verify
