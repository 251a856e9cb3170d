"""The page "From one machine to a cluster", followed step by step on a real Slurm of four nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.store.attempt_files import own_paths
from launcher.store.events import Ended, Started, read_events
from launcher.store.history import read_history
from launcher.store.paths import Paths
from tests.engines.slurm import SlurmNodes, slurm, slurm_nodes  # noqa: F401, fixtures
from tests.test_tutorial import follow

pytestmark = pytest.mark.slurm


@pytest.mark.timeout(300)
def test_the_page_does_what_it_says_and_each_step_is_there_once(
    slurm: SlurmNodes,  # noqa: F811, the fixture
    tmp_path: Path,
) -> None:
    follow("cluster.md", tmp_path)
    paths = Paths(tmp_path / "outcome" / "descent", tmp_path / "logs" / "descent")
    for name, num_steps in {"baseline": 100, "fast": 100, "long": 1000, "longer": 1000}.items():
        assert list(read_history(own_paths(paths, name).records(name)).steps) == list(range(1, num_steps + 1))
    told = [event for event in read_events(paths.events) if isinstance(event, Started | Ended)]
    attempts = [(event.experiment, event.attempt, getattr(event, "ending", "started")) for event in told]
    assert [each for each in attempts if each[0] == "long"] == [("long", 1, "started"), ("long", 1, "done")]
    assert [each for each in attempts if each[0] == "longer"][:3] == [
        ("longer", 1, "started"),
        ("longer", 1, "interrupted"),
        ("longer", 2, "started"),
    ]
    assert not slurm.run("squeue", "-h")
