"""Supervisors on a real Slurm of four nodes: toy experiments, from their orders to their records, through faults."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from launcher.clusters.base import Job, Over, Running, State, Waiting
from launcher.clusters.settings import ClusterSettings
from launcher.clusters.slurm import SlurmCluster
from launcher.store.cluster_paths import ClusterPaths
from tests.engines.slurm import SlurmNodes
from tests.launcher.conftest import Workplace, marked, wait_for
from tests.launcher.supervisor.sweep import ToySweep, steps_of, wait_for_step

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(400)]


@dataclass
class SlurmSweep:
    """A sweep of toys and its Slurm."""

    toys: ToySweep
    nodes: SlurmNodes
    reconfigure_at_s: float = 0.0

    def cluster(self, **table: object) -> SlurmCluster:
        setup = (f"export LAUNCHER_LOCKS={self.toys.folder}/locks LAUNCHER_TEST_MARK={self.toys.mark}",)
        settings = ClusterSettings(setup=setup, **table)  # type: ignore[arg-type]
        made = SlurmCluster(settings, self.toys.paths.outcome, grace_s=5, folder=self.toys.folder)
        made.check()
        return made

    def submit(self, cluster: SlurmCluster, *jobs: Job, batch: str = "b1") -> list[str]:
        """Submit a group for each of these attempts."""
        self.toys.write_batch(batch, [[job] for job in jobs])
        return [str(ticket) for ticket in cluster.submit(batch, [(job,) for job in jobs])]

    def job(self) -> str:
        """Return the only job that lives, as Slurm names it."""
        (job,) = self.nodes.run("squeue", "-h", "-r", "-o", "%i").split()
        return job

    def run_now(self) -> None:
        """Let requeued jobs run. Slurm holds them for two minutes."""
        for line in self.nodes.run("squeue", "-h", "-r", "-o", "%i %r").splitlines():
            job, _, reason = line.partition(" ")
            if reason == "BeginTime":
                time.sleep(2)  # within the same second the node takes it for the job that has ended
                self.nodes.run("scontrol", "update", f"JobId={job}", "StartTime=now")
            elif "held" in reason:  # Slurm could not start it
                self.nodes.run("scontrol", "release", job)

    def settle(self, cluster: SlurmCluster, tickets: dict[str, str]) -> None:
        """Wait until each experiment is done, or neither runs nor waits any more."""

        def is_settled() -> bool:
            self.go_on()
            known = cluster.poll()
            there = [known.get(ticket) for name, ticket in tickets.items() if not self.is_done(name)]
            return all(state is None or isinstance(state, Over) for state in there)

        wait_for(is_settled, limit_s=240)

    def go_on(self) -> None:
        """Bring a cluster whose controller was killed on its way again, sooner than it does by itself.

        The nodes tell the controller what they run.
        """
        time.sleep(2)
        if time.monotonic() >= self.reconfigure_at_s:
            self.reconfigure_at_s = time.monotonic() + 30
            self.nodes.run("scontrol", "reconfigure")
        self.nodes.resume()
        self.run_now()

    def is_done(self, name: str) -> bool:
        """Return whether an attempt has trained to the end. A controller may end what it has forgotten, and run the
        next attempt by itself.
        """
        ends = [self.toys.end(attempt, name) for attempt in self.toys.files(name).claims]
        return any(end is not None and end.code == 0 and not end.asked for end in ends)

    def order_again(self, name: str) -> Job:
        """Order what the cluster has lost, as the next launch does: as the next attempt, if one has begun."""
        attempt = max(self.toys.files(name).claims, default=0) + 1
        self.toys.order(self.toys.spec(name, attempt=attempt, steps=5))
        return Job(name, attempt)


@pytest.fixture
def sweep(place: Workplace, slurm: SlurmNodes) -> Iterator[SlurmSweep]:
    toys = ToySweep(place.folder, place.mark)
    made = SlurmSweep(toys, slurm)
    yield made
    toys.close()
    slurm.run("scancel", "-u", "0")
    wait_for(lambda: not marked(place.mark))


def states(cluster: SlurmCluster, tickets: list[str]) -> list[State | None]:
    known = cluster.poll()
    return [known.get(ticket) for ticket in tickets]


def is_over(cluster: SlurmCluster, ticket: str) -> bool:
    return isinstance(states(cluster, [ticket])[0], Over)


def is_written_no_more(path: Path) -> bool:
    """Return whether a file of which a worker writes a line every few milliseconds has had none for a second."""
    size = path.stat().st_size
    time.sleep(1)
    return path.stat().st_size == size


def assert_read_once(sweep: SlurmSweep, steps: int, experiment: str = "a") -> None:
    """Each step is in what readers read, once, and as in a run that nothing interrupts."""
    history = sweep.toys.history(experiment)
    assert {step: record["loss"] for step, record in history.steps.items()} == dict(sweep.toys.reference(steps))
    assert history.end["ending"] == "done"


def test_experiments_have_the_records_of_a_local_launch(sweep: SlurmSweep, place: Workplace) -> None:
    names = [f"e{number}" for number in range(6)]
    configs = {name: {"steps": 5, "lr": 0.1 * number} for number, name in enumerate(names)}
    for name in names:
        sweep.toys.order(replace(sweep.toys.spec(name, **configs[name]), seed=0))
    cluster = sweep.cluster()
    tickets = sweep.submit(cluster, *(Job(name, 1) for name in names))
    wait_for(lambda: states(cluster, tickets) == [Over(0, None, "COMPLETED")] * 6, limit_s=120)
    place.toy(configs)
    assert place.launch("job.toml").code == 0
    for name in names:
        ours, local = sweep.toys.history(name), place.history(name)
        assert ours.end["ending"] == "done"
        assert {step: record["loss"] for step, record in ours.steps.items()} == {
            step: record["loss"] for step, record in local.steps.items()
        }
        assert sweep.toys.ended(experiment=name).code == 0
        assert sweep.toys.ended(experiment=name).node
    outputs = list(ClusterPaths(sweep.toys.paths.outcome).output.iterdir())
    assert len(outputs) == 6
    assert not any("Traceback" in path.read_text() for path in outputs)


def test_a_stop_saves_and_another_attempt_goes_on(sweep: SlurmSweep) -> None:
    sweep.toys.order(sweep.toys.spec(steps=500, step_s=0.02, act="checkpoint"))
    cluster = sweep.cluster()
    tickets = sweep.submit(cluster, Job("a", 1))
    wait_for_step(sweep.toys, 3)
    cluster.stop(tickets, force=False)
    wait_for(lambda: is_over(cluster, tickets[0]))
    assert states(cluster, tickets) == [Over(1, None, "FAILED")]
    assert sweep.toys.ended().asked == "stop"
    assert sweep.toys.history().end["ending"] == "interrupted"
    sweep.toys.order(sweep.toys.spec(attempt=2, steps=500, step_s=0.002, act="checkpoint"))
    (ticket,) = sweep.submit(cluster, Job("a", 2), batch="b2")
    wait_for(lambda: is_over(cluster, ticket))
    assert_read_once(sweep, 500)


def test_a_supervisor_saves_though_others_of_its_array_wait(sweep: SlurmSweep) -> None:
    """Slurm's own scancel would signal it again, which means to end at once."""
    for name in ("a", "b"):
        sweep.toys.order(sweep.toys.spec(name, steps=100, step_s=7), grace_s=60)
    cluster = sweep.cluster(at_once=1)
    tickets = sweep.submit(cluster, Job("a", 1), Job("b", 1))
    wait_for_step(sweep.toys, 1)
    time.sleep(1)  # into the second step
    cluster.stop(tickets[:1], force=False)
    wait_for(lambda: is_over(cluster, tickets[0]))
    assert not sweep.toys.ended().was_forced
    assert sorted(sweep.toys.history().steps) == [1, 2], "the step was ended"
    wait_for(lambda: isinstance(states(cluster, tickets)[1], Running))


def test_a_scancel_by_hand_is_no_failure_of_the_experiment(sweep: SlurmSweep) -> None:
    sweep.toys.order(sweep.toys.spec(steps=100_000, step_s=0.01, act="checkpoint"))
    cluster = sweep.cluster()
    (ticket,) = sweep.submit(cluster, Job("a", 1))
    wait_for_step(sweep.toys, 3)
    sweep.nodes.run("scancel", sweep.job())
    wait_for(lambda: is_over(cluster, ticket))
    assert sweep.toys.ended().asked == "stop"
    assert sweep.toys.history().end["ending"] == "interrupted"


def test_what_has_ended_is_not_trained_again_though_slurm_runs_it_again(sweep: SlurmSweep) -> None:
    sweep.toys.order(sweep.toys.spec(steps=5, step_s=0.1))
    cluster = sweep.cluster()
    (ticket,) = sweep.submit(cluster, Job("a", 1))
    job = sweep.job()
    wait_for(lambda: is_over(cluster, ticket))
    before = sweep.toys.paths.of_attempt(1).records("a").read_bytes()
    sweep.nodes.run("scontrol", "requeue", job)
    time.sleep(2)  # within the same second the node takes it for the job that has ended: "credential revoked"
    wait_for(lambda: not sweep.run_now() and sweep.nodes.run("squeue", "-h") == "")
    assert states(cluster, [ticket]) == [Over(0, None, "COMPLETED")]
    assert sweep.toys.files().claims == {1}
    assert sweep.toys.paths.of_attempt(1).records("a").read_bytes() == before


def test_a_controller_that_dies_and_comes_back_trains_nothing_twice(sweep: SlurmSweep) -> None:
    """It comes back with a state that is some seconds old. What has ended since then may be run again, and what was
    submitted since then is lost: the next launch submits that again.
    """
    names = [f"e{number}" for number in range(24)]
    for name in names:
        sweep.toys.order(sweep.toys.spec(name, steps=5))
    cluster = sweep.cluster()
    tickets = sweep.submit(cluster, *(Job(name, 1) for name in names))
    wait_for(lambda: sum(isinstance(state, Over) for state in cluster.poll().values()) >= 8, limit_s=120)
    ended = [name for name in names if sweep.toys.end(experiment=name)]
    sweep.nodes.do("kill-controller")
    sweep.nodes.do("start-controller")
    sweep.settle(cluster, dict(zip(names, tickets, strict=True)))
    for batch in ("b2", "b3"):
        if jobs := [sweep.order_again(name) for name in names if not sweep.is_done(name)]:
            again = sweep.submit(cluster, *jobs, batch=batch)
            sweep.settle(cluster, dict(zip([name for name, _ in jobs], again, strict=True)))
    for name in names:
        assert_read_once(sweep, 5, name)
    assert len(ended) >= 8
    assert all(sweep.toys.files(name).claims == {1} for name in ended)


def test_a_node_that_is_lost_leaves_a_second_attempt_which_goes_on(sweep: SlurmSweep) -> None:
    sweep.toys.order(sweep.toys.spec(steps=2000, step_s=0.02, act="checkpoint"))
    cluster = sweep.cluster()
    tickets = sweep.submit(cluster, Job("a", 1))
    wait_for_step(sweep.toys, 20)
    (lost,) = states(cluster, tickets)
    assert isinstance(lost, Running)
    sweep.nodes.do("kill-node", lost.node[1:])
    try:
        wait_for(lambda: isinstance(states(cluster, tickets)[0], Waiting), limit_s=90)
        assert sweep.toys.end() is None
        wait_for(lambda: not sweep.run_now() and sweep.toys.files().claims == {1, 2})
        first = sweep.toys.paths.of_attempt(1).records("a")
        wait_for_step(sweep.toys, 30, attempt=2)
        wait_for(lambda: is_written_no_more(first))  # it ends itself when it sees the claim of the second
        assert sweep.toys.paths.of_attempt(2).records("a").stat().st_size > 0
    finally:
        sweep.nodes.do("start-node", lost.node[1:])
    wait_for(lambda: is_over(cluster, tickets[0]), limit_s=120)
    assert_read_once(sweep, 2000)
    own = steps_of(sweep.toys.paths.of_attempt(2).records("a"))
    assert len(own) < 2 * 2000 - 1, "it began at a checkpoint of the first attempt"
    # As a launch does: the first attempt may have been killed while it wrote a checkpoint.
    shutil.rmtree(sweep.toys.paths.of_attempt(1).checkpoints("a"), ignore_errors=True)


@pytest.mark.parametrize("table", [{}, {"time": "1:00:00"}], ids=["TERM", "USR1"])
def test_a_preempted_experiment_goes_on(table: dict[str, str], sweep: SlurmSweep) -> None:
    """Without a time limit Slurm sends SIGTERM to all processes of the job, otherwise SIGUSR1 to the supervisor."""
    sweep.toys.order(
        sweep.toys.spec(steps=1500, step_s=0.03, act="checkpoint"), limit_s=3600, submits_successor=bool(table)
    )
    cluster = sweep.cluster(partition="low", cpus=2, **table)
    tickets = sweep.submit(cluster, Job("a", 1))
    wait_for_step(sweep.toys, 20)
    urgent = ["sbatch", "--parsable", "-p", "high", "-c", "2", "--array=0-3", "-o", "/dev/null", "--wrap", "sleep 100"]
    high = sweep.nodes.run(*urgent).strip()
    wait_for(lambda: sweep.toys.end() is not None, limit_s=90)
    assert sweep.toys.history().end["ending"] == "interrupted"
    wait_for(lambda: isinstance(states(cluster, tickets)[0], Waiting), limit_s=60)
    sweep.nodes.run("scancel", high)
    wait_for(lambda: not sweep.run_now() and is_over(cluster, tickets[0]), limit_s=120)
    assert_read_once(sweep, 1500)
    assert sweep.toys.files().claims == {1, 2}


def test_an_experiment_goes_on_in_another_job_after_its_time_limit(sweep: SlurmSweep) -> None:
    """Slurm's shortest limits are minutes; it sends the signal 65 to 125 s before the end of three."""
    sweep.toys.order(sweep.toys.spec(steps=3400, step_s=0.035, act="checkpoint"), limit_s=180, submits_successor=True)
    cluster = sweep.cluster(time="3")
    (ticket,) = sweep.submit(cluster, Job("a", 1))
    wait_for(lambda: sweep.toys.end() is not None, limit_s=150)
    ended = sweep.toys.ended()
    assert ended.asked == "limit"
    assert ended.successor
    wait_for(lambda: sweep.toys.files().claims >= {1, 2})
    wait_for(lambda: is_over(cluster, ticket), limit_s=240)
    assert_read_once(sweep, 3400)


def test_a_group_shares_one_job(sweep: SlurmSweep) -> None:
    for name in ("a", "b"):
        sweep.toys.order(sweep.toys.spec(name, steps=5))
    cluster = sweep.cluster(per_job=2, cpus=1)
    group = (Job("a", 1), Job("b", 1))
    sweep.toys.write_batch("b1", [group])
    (ticket,) = cluster.submit("b1", [group])
    wait_for(lambda: is_over(cluster, str(ticket)))
    for name in ("a", "b"):
        assert_read_once(sweep, 5, name)
