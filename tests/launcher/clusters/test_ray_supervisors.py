"""Supervisors on a real Ray of four nodes: toy experiments, from their orders to their records."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from launcher.clusters.base import Job, Over, Running, State
from launcher.clusters.ray import RayCluster
from launcher.clusters.settings import ClusterSettings
from launcher.store.attempt_files import write_batch
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.history import History
from tests.engines.ray import NEEDS_RAY, RayNodes, ray_nodes
from tests.launcher.conftest import Workplace, marked, wait_for
from tests.launcher.supervisor.sweep import ToySweep, steps_of, wait_for_step

pytestmark = [pytest.mark.ray, NEEDS_RAY, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    with ray_nodes(nodes=3, cpus=1) as made:
        yield made


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
    write_batch(ClusterPaths(sweep.paths.outcome).batch(batch), [[job] for job in jobs])
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
    supervisor = next(process for process in marked(sweep.mark) if "launcher.supervisor" in process.cmdline())
    os.kill(supervisor.ppid(), signal.SIGKILL)  # the actor
    wait_for(lambda: not marked(sweep.mark))
    wait_for(lambda: isinstance(states(cluster, tickets)[0], Over))
    assert sweep.end() is None, "it was killed"


def test_what_ran_on_a_node_that_is_gone_goes_on_on_another(
    cluster: RayCluster, sweep: ToySweep, nodes: RayNodes
) -> None:
    """The last test: two nodes are left after it."""
    names = ["a", "b", "c"]
    for name in names:
        sweep.order(sweep.spec(name, steps=100_000, step_s=0.01, act="checkpoint"))
    tickets = submit(cluster, sweep, "b1", *(Job(name, 1) for name in names))
    for name in names:
        wait_for_step(sweep, 20, experiment=name)
    nodes.run("kill-raylet", "3")
    wait_for(lambda: sum(isinstance(state, Over) for state in states(cluster, tickets)) == 1, limit_s=90)
    (lost,) = [number for number, state in enumerate(states(cluster, tickets)) if isinstance(state, Over)]
    cluster.stop([ticket for ticket in tickets if ticket != tickets[lost]], force=False)
    steps = len(steps_of(sweep.paths.of_attempt(1).records(names[lost]))) + 50
    sweep.order(sweep.spec(names[lost], attempt=2, steps=steps, act="checkpoint"))
    tickets = submit(cluster, sweep, "b2", Job(names[lost], 2))
    wait_for(lambda: states(cluster, tickets) == [Over(0)], limit_s=90)
    assert sweep.history(names[lost]).end["ending"] == "done"
    assert sorted(sweep.history(names[lost]).steps) == list(range(1, steps + 1))
    own = steps_of(sweep.paths.of_attempt(2).records(names[lost]))
    assert len(own) < 2 * steps - 1, "it began at a checkpoint of the first attempt"
