"""The commands that do it again."""

from __future__ import annotations

from pathlib import Path

from launcher.reports.reproduce import commands
from launcher.store.launch_info import LaunchInfo, Placement
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths


def test_commands_are_quoted_and_name_the_same_devices_and_threads(tmp_path: Path) -> None:
    slots = [Placement("GPU 1", threads=2), Placement("GPU 3", threads=2)]
    argv = ["/x/launcher/__main__.py", "run", "jobs/my job.toml", "--devices", "1,3"]
    launch = LaunchInfo(cwd="/home/a b", commit="abc-dirty", argv=argv, slots=slots, mode="parallel")
    shown = commands(Manifest("s", "jobs/my job.toml", "t:f", 0, [], [], [], launch), Paths(Path("o"), Path("l")))
    assert "cd '/home/a b'\ngit checkout abc  # tracked files differed" in shown
    assert "python -m launcher run 'jobs/my job.toml' --devices 1,3\n" in shown
    assert "--parallel --devices 1,3 --threads 2 --outcome o-again --logs l-again" in shown
    assert "python -m launcher report" in commands(
        Manifest("s", "j", "t:f", 0, [], [], []), Paths(Path("o"), Path("l"))
    )
