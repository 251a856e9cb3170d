"""Supervisors on a real Ray of four nodes: toy experiments, from their orders to their records."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psutil
import pytest

from launcher.clusters.base import Job, Over, Running, State
from launcher.clusters.ray import RayCluster
from launcher.clusters.settings import ClusterSettings
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.history import History
from tests.engines.ray import NEEDS_RAY, RayNodes, node_of
from tests.launcher.conftest import Workplace, marked, wait_for
from tests.launcher.supervisor.sweep import ToySweep, steps_of, wait_for_step

pytestmark = [pytest.mark.ray, NEEDS_RAY, pytest.mark.timeout(300)]


@pytest.fixture
def sweep(place: Workplace) -> Iterator[ToySweep]:
    made = ToySweep(place.folder, place.mark)
    yield made
    made.close()


@pytest.fixture
def cluster(nodes: RayNodes, sweep: ToySweep, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayCluster]:
    """Ray, for the sweep; afterwards nothing of it is left on Ray."""
    nodes.use(monkeypatch)
    settings = ClusterSettings(setup=(f"export LAUNCHER_LOCKS={sweep.folder}/locks LAUNCHER_TEST_MARK={sweep.mark}",))
    with closing(RayCluster(settings, sweep.paths.outcome, folder=sweep.folder)) as made:
        yield made
        made.stop(list(made.adopt()), force=True)
        wait_for(lambda: not made.adopt())


def submit(cluster: RayCluster, sweep: ToySweep, batch: str, *jobs: Job) -> list[str]:
    """Submit a group for each of these attempts."""
    sweep.write_batch(batch, [[job] for job in jobs])
    tickets = cluster.submit(batch, [(job,) for job in jobs])
    return [ticket for ticket in tickets if isinstance(ticket, str)]


def states(cluster: RayCluster, tickets: list[str]) -> list[State]:
    known = cluster.poll()
    return [known[ticket] for ticket in tickets]


def losses(history: History) -> dict[int, float]:
    return {step: record["loss"] for step, record in history.steps.items()}


def test_experiments_have_the_records_of_a_local_launch(cluster: RayCluster, sweep: ToySweep, place: Workplace) -> None:
    names = [f"e{number}" for number in range(4)]
    configs = {name: {"steps": 5, "lr": 0.1 * number} for number, name in enumerate(names)}
    for name in names:
        sweep.order(replace(sweep.spec(name, **configs[name]), seed=0))
    tickets = submit(cluster, sweep, "b1", *(Job(name, 1) for name in names))
    wait_for(lambda: states(cluster, tickets) == [Over(0)] * 4, limit_s=120)
    place.toy(configs)
    assert place.launch("job.toml").code == 0
    for name in names:
        assert sweep.history(name).end["ending"] == "done"
        assert losses(sweep.history(name)) == losses(place.history(name)) != {}
        ended = sweep.end(experiment=name)
        assert ended is not None
        assert ended.code == 0
    printed = [path.read_text() for path in ClusterPaths(sweep.paths.outcome).output.iterdir()]
    assert len(printed) == 4
    assert not any("Traceback" in text for text in printed)


def test_a_stop_saves_and_the_next_attempt_goes_on(cluster: RayCluster, sweep: ToySweep) -> None:
    spec = sweep.spec(steps=500, step_s=0.02, act="checkpoint")
    sweep.order(spec)
    tickets = submit(cluster, sweep, "b1", Job("a", 1))
    wait_for_step(sweep, 3)
    assert isinstance(states(cluster, tickets)[0], Running)
    cluster.stop(tickets, force=False)
    wait_for(lambda: states(cluster, tickets) == [Over(1)])
    assert sweep.history().end["ending"] == "interrupted"
    sweep.order(sweep.spec(attempt=2, steps=500, step_s=0.002, act="checkpoint"))
    tickets = submit(cluster, sweep, "b2", Job("a", 2))
    wait_for(lambda: states(cluster, tickets) == [Over(0)])
    assert sorted(sweep.history().steps) == list(range(1, 501))


def test_with_the_process_of_its_actor_the_worker_dies(cluster: RayCluster, sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=100_000, step_s=0.01))
    tickets = submit(cluster, sweep, "b1", Job("a", 1))
    wait_for_step(sweep, 3)
    os.kill(supervisor(sweep).ppid(), signal.SIGKILL)  # the actor
    wait_for(lambda: not marked(sweep.mark))
    wait_for(lambda: isinstance(states(cluster, tickets)[0], Over))
    assert sweep.end() is None, "it was killed"


def test_what_ran_on_a_node_that_is_gone_goes_on_on_another(cluster: RayCluster, sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=100_000, step_s=0.01, act="checkpoint"))
    tickets = submit(cluster, sweep, "b1", Job("a", 1))
    wait_for_step(sweep, 20)
    wait_for(lambda: states(cluster, tickets) == [Running(socket.gethostname())])
    node_of(supervisor(sweep).pid).kill()
    wait_for(lambda: isinstance(states(cluster, tickets)[0], Over), limit_s=90)
    assert not marked(sweep.mark)
    finishes_as_attempt_2(cluster, sweep)


def test_a_node_that_is_cut_off_mixes_nothing(cluster: RayCluster, sweep: ToySweep) -> None:
    """A raylet that stands still is what the others see of a cut. Ray gives the node up after a minute."""
    sweep.order(sweep.spec(steps=100_000, step_s=0.01, act="checkpoint"))
    tickets = submit(cluster, sweep, "b1", Job("a", 1))
    wait_for_step(sweep, 20)
    zombie = supervisor(sweep)
    raylet = node_of(zombie.pid)
    raylet.suspend()
    try:
        wait_for(lambda: isinstance(states(cluster, tickets)[0], Over), limit_s=150)
        assert zombie.is_running(), "nothing has told it yet"
        finishes_as_attempt_2(cluster, sweep)
        wait_for(lambda: not marked(sweep.mark))
    finally:
        raylet.resume()


def supervisor(sweep: ToySweep) -> psutil.Process:
    """Return the supervisor of the only attempt that runs."""
    (found,) = [process for process in marked(sweep.mark) if "launcher.supervisor" in process.cmdline()]
    return found


def finishes_as_attempt_2(cluster: RayCluster, sweep: ToySweep) -> None:
    """Train what is left by a second attempt; each step is read once."""
    steps = len(steps_of(sweep.paths.of_attempt(1).records("a"))) + 500
    sweep.order(sweep.spec(attempt=2, steps=steps, act="checkpoint"))
    tickets = submit(cluster, sweep, "b2", Job("a", 2))
    wait_for(lambda: states(cluster, tickets) == [Over(0)], limit_s=90)
    assert sweep.history().end["ending"] == "done"
    assert sorted(sweep.history().steps) == list(range(1, steps + 1))
    records = [json.loads(line) for line in sweep.paths.of_attempt(2).records("a").read_bytes().splitlines()]
    begins = max(index for index, record in enumerate(records) if record.get("kind") == "start")
    assert next(record["step"] for record in records[begins:] if "kind" not in record) > 1, "it had a checkpoint"
