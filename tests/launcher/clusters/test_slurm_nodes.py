"""The port to Slurm on a real Slurm of four nodes, which tests/engines/slurm-up.sh brings up.

In place of the supervisor runs slurm_group.sh, which tells in a file what happens to it.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from launcher.clusters.base import Group, Job, NotHeard, Over, Place, Refused, Running, State, Waiting
from launcher.clusters.settings import ClusterSettings
from launcher.clusters.slurm import SlurmCluster
from launcher.errors import InputError
from tests.engines.slurm import SlurmNodes, why_not
from tests.launcher.conftest import wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(300)]

PROGRAM = (str(Path(__file__).with_name("slurm_group.sh")),)


@dataclass
class Sweep:
    """An outcome folder, and what its groups tell."""

    outcome: Path
    nodes: SlurmNodes

    def cluster(self, *, grace_s: float = 5, limit_s: float = 60.0, **settings: object) -> SlurmCluster:
        table = ClusterSettings(**settings)  # type: ignore[arg-type]
        slurm = SlurmCluster(table, self.outcome, grace_s=grace_s, program=PROGRAM, limit_s=limit_s)
        slurm.check()
        return slurm

    def told(self, number: int = 0) -> list[str]:
        path = self.outcome / f"{number}.told"
        return path.read_text().splitlines() if path.exists() else []

    def starts(self, number: int = 0) -> list[dict[str, str]]:
        """Return what each start of a group told."""
        lines = [line.split()[2:] for line in self.told(number) if line.startswith("start")]
        return [dict(word.split("=", 1) for word in words) for words in lines]

    def end(self, number: int | str = "all", code: int = 0) -> None:
        (self.outcome / f"{number}.end").write_text(str(code))

    def linger(self, number: int) -> None:
        """Let a group go on for seven seconds after SIGTERM, as a supervisor does while its workers save."""
        (self.outcome / f"{number}.lingers").touch()

    def starts_again(self, number: int = 0) -> bool:
        """Let a requeued job run, which Slurm holds for two minutes; return whether the group has started twice.

        On a busy machine Slurm may find that it cannot start the job, and hold it for good.
        """
        for line in self.nodes.run("squeue", "-h", "-r", "-o", "%i %r").splitlines():
            job, _, reason = line.partition(" ")
            if job.endswith(f"_{number}") and reason == "BeginTime":
                time.sleep(2)  # within the same second the node takes it for the job that has ended
                self.nodes.run("scontrol", "update", f"JobId={job}", "StartTime=now")
            elif job.endswith(f"_{number}") and "held" in reason:
                self.nodes.run("scontrol", "release", job)
        return len(self.starts(number)) == 2

    def jobs(self, number: int = 0) -> list[str]:
        """Return the live jobs of a group, as Slurm names them."""
        lines = self.nodes.run("squeue", "-h", "-r", "-o", "%i").split()
        return [job for job in lines if job.endswith(f"_{number}")]


@pytest.fixture
def sweep(tmp_path: Path, slurm: SlurmNodes) -> Iterator[Sweep]:
    made = Sweep(tmp_path / "it's an outcome, ünïcode", slurm)
    made.outcome.mkdir()
    yield made
    made.end()


def groups(count: int) -> list[Group]:
    return [(Job(f"a{number}", 1),) for number in range(count)]


def is_over_or_again(slurm: SlurmCluster) -> bool:
    """Return whether a controller knows that the first job does not run, after a rest for its sake."""
    time.sleep(1)
    return not isinstance(slurm.poll().get("b1:0"), Running)


def is_running(state: State | None) -> bool:
    return isinstance(state, Running) and not state.why


def test_the_reason_is_told_where_there_is_no_slurm() -> None:
    assert why_not() == "" or "Slurm" in why_not()


def test_fifty_groups_run_as_a_single_array_and_are_over(sweep: Sweep) -> None:
    slurm = sweep.cluster(at_once=7)
    sweep.end()
    tickets = slurm.submit("b1", groups(50))
    assert tickets == [f"b1:{number}" for number in range(50)]
    over = wait_for(
        lambda: (states := slurm.poll()) and all(isinstance(state, Over) for state in states.values()) and states
    )
    assert over == dict.fromkeys(tickets, Over(0, None, "COMPLETED"))
    for number in range(50):
        assert sweep.told(number)[0].startswith(f"start b1:{number} restarts=0")
        assert len(sweep.starts(number)) == 1
    assert len({start["job"] for number in range(50) for start in sweep.starts(number)}) == 50
    assert slurm.adopt() == {}, "what is over is not adopted"


def test_no_more_than_at_once_run_together(sweep: Sweep) -> None:
    slurm = sweep.cluster(at_once=3)
    slurm.submit("b1", groups(10))
    states = wait_for(lambda: sum(map(is_running, slurm.poll().values())) == 3 and slurm.poll())
    assert list(states.values()).count(Waiting("JobArrayTaskLimit")) == 7


def test_another_launch_adopts_what_waits_and_runs_and_nothing_of_other_sweeps(sweep: Sweep, tmp_path: Path) -> None:
    first = sweep.cluster(at_once=2)
    first.submit("b1", groups(4))
    sweep.end(0)
    wait_for(lambda: isinstance(first.poll()["b1:0"], Over) and is_running(first.poll()["b1:2"]))
    first.close()
    other = Sweep(tmp_path / "other", sweep.nodes)
    other.outcome.mkdir()
    assert other.cluster().adopt() == {}
    later = sweep.cluster()
    assert later.adopt() == {f"b1:{number}": Place("b1", number) for number in (1, 2, 3)}
    sweep.end()
    wait_for(
        lambda: later.poll().keys() >= {"b1:3"} and all(isinstance(state, Over) for state in later.poll().values())
    )


def test_a_stop_reaches_the_supervisor_alone_and_what_waits_never_starts(sweep: Sweep) -> None:
    slurm = sweep.cluster(at_once=2)
    slurm.submit("b1", groups(5))
    sweep.linger(0)
    wait_for(lambda: sweep.starts(0) and sweep.starts(1))
    pid = int(sweep.starts(0)[0]["pid"])
    child = wait_for(lambda: psutil.Process(pid).children())
    slurm.stop(["b1:0", "b1:3", "b1:4"], force=False)
    assert sweep.told(1)[-1].startswith("start"), "of the running ones, one is asked"
    wait_for(lambda: isinstance(slurm.poll()["b1:0"], Over))
    assert sweep.told(0)[-1] == "TERM"
    assert slurm.poll()["b1:0"] == Over(3, None, "FAILED"), "the exit code is the supervisor's"
    assert not {"b1:3", "b1:4"} & slurm.poll().keys(), "squeue forgets at once what is cancelled while it waits"
    assert is_running(slurm.poll()["b1:1"])
    assert sweep.told(0).count("TERM") == 1, "not again after five seconds"
    sweep.end()
    wait_for(lambda: all(isinstance(state, Over) for state in slurm.poll().values()))
    assert sweep.told(3) == sweep.told(4) == []
    assert len(sweep.told(2)) == 1
    assert not any(process.is_running() for process in child)


def test_a_forced_stop_ends_what_does_not_listen(sweep: Sweep) -> None:
    slurm = sweep.cluster()
    slurm.submit("b1", groups(2))
    wait_for(lambda: sweep.starts(0) and sweep.starts(1))
    pid = int(sweep.starts(0)[0]["pid"])
    os.kill(pid, signal.SIGSTOP)
    slurm.stop(["b1:0"], force=False)
    slurm.stop(["b1:0"], force=True)
    wait_for(lambda: isinstance(slurm.poll()["b1:0"], Over))
    assert not psutil.pid_exists(pid)
    assert is_running(slurm.poll()["b1:1"])


def test_a_requeued_job_keeps_its_ticket_and_knows_that_it_runs_again(sweep: Sweep) -> None:
    slurm = sweep.cluster()
    slurm.submit("b1", groups(2))
    wait_for(lambda: sweep.starts(0))
    sweep.nodes.run("scontrol", "requeue", sweep.jobs(0)[0])
    wait_for(lambda: slurm.poll()["b1:0"] == Waiting("BeginTime"))
    wait_for(sweep.starts_again)
    first, second = sweep.starts(0)
    assert (first["restarts"], second["restarts"]) == ("0", "1")
    assert first["job"] == second["job"]
    assert wait_for(lambda: is_running(slurm.poll()["b1:0"]))


def test_without_requeue_a_job_is_never_run_again(sweep: Sweep) -> None:
    slurm = sweep.cluster(requeue=False)
    slurm.submit("b1", groups(1))
    wait_for(lambda: sweep.starts(0))
    (job,) = sweep.jobs(0)
    assert re.search(r"\bRequeue=0\b", sweep.nodes.run("scontrol", "show", "job", job))


def test_a_successor_runs_under_the_same_ticket_while_others_of_its_array_run(sweep: Sweep) -> None:
    slurm = sweep.cluster(time="1:00:00")
    slurm.submit("b1", groups(3))
    wait_for(lambda: sweep.starts(0) and sweep.starts(1))
    sweep.nodes.run("scancel", "--batch", "--signal=USR1", sweep.jobs(0)[0])
    wait_for(lambda: len(sweep.starts(0)) == 2)
    first, second = sweep.starts(0)
    assert first["job"] != second["job"]
    assert second["restarts"] == "0"
    assert re.fullmatch(r"successor \d+", sweep.told(0)[-2])
    assert wait_for(lambda: is_running(slurm.poll()["b1:0"]))
    assert is_running(slurm.poll()["b1:1"])
    assert sweep.cluster().adopt().keys() == {"b1:0", "b1:1", "b1:2"}
    sweep.nodes.run("scancel", "--batch", "--signal=USR1", sweep.jobs(0)[0])
    wait_for(lambda: len(sweep.starts(0)) == 3)
    sweep.end()
    wait_for(lambda: all(state == Over(0, None, "COMPLETED") for state in slurm.poll().values()))


def test_a_controller_that_is_down_says_nothing_and_comes_back_with_its_jobs(sweep: Sweep) -> None:
    slurm = sweep.cluster()
    slurm.submit("b1", groups(2))
    wait_for(lambda: all(map(is_running, slurm.poll().values())))
    saved, now_s = sweep.nodes.base / "state" / "job_state", time.time()
    # What the controller has not saved when it dies, it does not know later.
    wait_for(lambda: saved.exists() and saved.stat().st_mtime > now_s)
    sweep.nodes.do("kill-controller")
    try:
        for ask in (slurm.poll, lambda: slurm.submit("b2", groups(1))):
            with pytest.raises(NotHeard):
                ask()
        sweep.end(0)
    finally:
        sweep.nodes.do("start-controller")
    # That the job has ended meanwhile it hears from its node, sooner when the nodes are asked.
    wait_for(lambda: sweep.nodes.run("scontrol", "reconfigure") == "" and is_over_or_again(slurm), limit_s=120)
    assert is_running(slurm.poll()["b1:1"])


def test_a_partition_that_is_not_there_is_an_error_and_so_are_too_many_gpus(sweep: Sweep) -> None:
    with pytest.raises(InputError, match=r'invalid partition specified: nope.*partition = "nope"'):
        sweep.cluster(partition="nope").submit("b1", groups(3))
    with pytest.raises(InputError, match=r"Requested node configuration is not available.*gpus = 9"):
        sweep.cluster(gpus=9).submit("b1", groups(3))
    assert sweep.nodes.run("squeue", "-h") == ""


def test_each_job_sees_its_own_gpus(sweep: Sweep) -> None:
    slurm = sweep.cluster(gpus=1)
    slurm.submit("b1", groups(9))
    wait_for(lambda: sum(map(is_running, slurm.poll().values())) == 8)
    wait_for(lambda: all(sweep.starts(number) for number in range(8)))
    assert sorted(sweep.starts(number)[0]["gpus"] for number in range(8)) == ["0"] * 4 + ["1"] * 4
    assert slurm.poll()["b1:8"] in (Waiting("Resources"), Waiting("Priority"), Waiting(""))
    sweep.end()


def test_a_job_of_several_experiments_gets_the_gpus_of_all(sweep: Sweep) -> None:
    sweep.cluster(gpus=1, per_job=2, cpus=1).submit("b1", [(Job("a", 1), Job("b", 1))])
    assert wait_for(lambda: sweep.starts(0))[0]["gpus"] == "0,1"


def test_a_setup_line_that_fails_is_in_the_output_file(sweep: Sweep) -> None:
    slurm = sweep.cluster(setup=("echo ready", "module load cuda/12.4"))
    slurm.submit("b1", groups(1))
    wait_for(lambda: slurm.poll()["b1:0"] == Over(1, None, "FAILED"))
    output = (sweep.outcome / "attempts" / "_out" / "b1_0.out").read_text()
    assert "ready" in output
    assert "module load cuda/12.4" in output
    assert sweep.told(0) == []


@pytest.mark.parametrize("name", ["two\nlines", "quotes \" and ' and %a", "日本語 $HOME"])
def test_an_outcome_folder_of_any_name_works(name: str, sweep: Sweep, tmp_path: Path) -> None:
    odd = Sweep(tmp_path / name, sweep.nodes)
    odd.outcome.mkdir()
    odd.end()
    slurm = odd.cluster()
    slurm.submit("b1", groups(1))
    wait_for(lambda: slurm.poll()["b1:0"] == Over(0, None, "COMPLETED"))
    assert (odd.outcome / "attempts" / "_out" / "b1_0.out").exists()
    assert len(odd.starts()) == 1


def test_arrays_beyond_the_largest_keep_their_numbers(sweep: Sweep) -> None:
    slurm = sweep.cluster()
    sweep.end()
    tickets = slurm.submit("b1", groups(1003))
    assert not [ticket for ticket in tickets if isinstance(ticket, Refused)]
    assert len(slurm.poll()) == 1003
    slurm.stop([f"b1:{number}" for number in range(1000)], force=True)
    last = ("b1:1000", "b1:1001", "b1:1002")
    wait_for(lambda: all(isinstance(slurm.poll()[ticket], Over) for ticket in last))
    assert [sweep.told(number)[0].split()[1] for number in (1000, 1001, 1002)] == ["b1:1000", "b1:1001", "b1:1002"]
    assert (sweep.outcome / "attempts" / "_out" / "b1_1002.out").exists()


def test_a_preempted_job_is_told_and_waits_again(sweep: Sweep) -> None:
    slurm = sweep.cluster(partition="low", time="1:00:00", cpus=2)
    slurm.submit("b1", groups(4))
    wait_for(lambda: all(map(is_running, slurm.poll().values())))
    wait_for(lambda: all(sweep.starts(number) for number in range(4)))
    urgent = sweep.nodes.run("sbatch", "--parsable", "-p", "high", "-c", "2", "-o", "/dev/null", "--wrap", "sleep 100")
    victim = wait_for(lambda: [number for number in range(4) if "USR1" in sweep.told(number)])[0]
    wait_for(lambda: isinstance(slurm.poll()[f"b1:{victim}"], Waiting))
    assert isinstance(slurm.poll()[f"b1:{victim}"], Waiting)
    sweep.nodes.run("scancel", urgent.strip())


def test_a_job_whose_node_is_lost_waits_and_runs_on_another(sweep: Sweep) -> None:
    slurm = sweep.cluster()
    slurm.submit("b1", groups(1))
    start = wait_for(lambda: sweep.starts(0))[0]
    node = wait_for(lambda: slurm.poll()["b1:0"])
    assert isinstance(node, Running)
    number = node.node.removeprefix("n")
    sweep.nodes.do("kill-node", number)
    try:
        wait_for(lambda: isinstance(slurm.poll()["b1:0"], Waiting), limit_s=90)
        assert psutil.pid_exists(int(start["pid"])), "a node that is cut off goes on"
        wait_for(sweep.starts_again)
    finally:
        sweep.nodes.do("start-node", number)
    assert sweep.starts(0)[1]["restarts"] == "1"
    now = slurm.poll()["b1:0"]
    assert isinstance(now, Running)
    assert now.node != f"n{number}"
    wait_for(lambda: not psutil.pid_exists(int(start["pid"])))


def test_a_job_is_told_before_its_time_limit_and_another_goes_on(sweep: Sweep) -> None:
    """Slurm counts in minutes, and sends the signal up to a minute early: 55 to 115 s after the start."""
    slurm = sweep.cluster(time="3", grace_s=5)
    slurm.submit("b1", groups(1))
    wait_for(lambda: len(sweep.starts(0)) == 2, limit_s=200)
    assert [line.split()[0] for line in sweep.told(0)] == ["start", "USR1", "successor", "start"]
    assert is_running(wait_for(lambda: is_running(slurm.poll()["b1:0"]) and slurm.poll()["b1:0"]))


def test_what_the_controller_has_no_room_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of its own: Slurm reads MaxJobCount at its start."""
    if reason := why_not():
        pytest.skip(reason)
    monkeypatch.setenv("MAX_JOBS", "20")
    monkeypatch.setenv("NODES", "1")
    nodes = SlurmNodes(tmp_path / "slurm")
    nodes.do("up")
    monkeypatch.setenv("SLURM_CONF", nodes.conf)
    sweep = Sweep(tmp_path, nodes)
    try:
        slurm = sweep.cluster(limit_s=1.0)
        tickets = slurm.submit("b1", groups(30))
        taken = [ticket for ticket in tickets if isinstance(ticket, str)]
        assert 0 < len(taken) < 30
        assert tickets[: len(taken)] == taken
        assert slurm.adopt().keys() == set(taken)
        assert all(ticket.why for ticket in tickets if isinstance(ticket, Refused))
    finally:
        nodes.do("down")
    assert not nodes.processes()
