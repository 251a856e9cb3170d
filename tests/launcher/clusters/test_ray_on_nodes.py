"""`RayCluster` on a real Ray of four nodes, with a stand-in for the supervisor."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from launcher.clusters import ray
from launcher.clusters.base import Job, Over, Refused, Running, State, Ticket, Waiting
from launcher.clusters.ray import RayCluster
from launcher.clusters.settings import ClusterSettings
from launcher.errors import InputError
from tests.engines.ray import NEEDS_RAY, RayNodes, node_of
from tests.launcher.conftest import wait_for

pytestmark = [pytest.mark.ray, NEEDS_RAY, pytest.mark.timeout(300)]
# It notes that it runs, and where; ends as its number says; if there is a file `hold`, not before SIGTERM.
PROGRAM = """\
#!/bin/bash
trap 'echo asked > "$1/$2_$3.asked"; exit 7' TERM
echo "$$ $PPID $CUDA_VISIBLE_DEVICES $LAUNCHER_TICKET $WORD" > "$1/$2_$3.tmp"
mv "$1/$2_$3.tmp" "$1/$2_$3.ran"
if [ -e "$1/hold" ]; then sleep 1000 & wait $!; fi
exit $3
"""
Make = Callable[..., RayCluster]


@pytest.fixture
def make(nodes: RayNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return what makes a cluster for the folder `outcome`; afterwards nothing of it is left on Ray."""
    nodes.use(monkeypatch)
    monkeypatch.setattr(ray, "TAKES_S", 600.0)  # no test is too slow for it
    program = tmp_path / "program"
    program.write_text(PROGRAM)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    outcome = tmp_path / "outcome"
    outcome.mkdir()
    made: list[RayCluster] = []

    def _make(**settings: Any) -> RayCluster:
        cluster = RayCluster(ClusterSettings(**settings), outcome, program=[str(program)])
        made.append(cluster)
        return cluster

    yield _make
    last = _make()
    last.stop(list(last.adopt()), force=True)
    wait_for(lambda: not last.adopt())
    for cluster in made:
        cluster.close()


def submit(cluster: RayCluster, num: int, batch: str = "b1") -> list[Ticket]:
    tickets = cluster.submit(batch, [(Job(f"e{number}", 1),) for number in range(num)])
    assert not any(isinstance(ticket, Refused) for ticket in tickets)
    return [ticket for ticket in tickets if isinstance(ticket, str)]


def are(cluster: RayCluster, kind: type[State], num: int) -> Callable[[], bool]:
    return lambda: sum(isinstance(state, kind) for state in cluster.poll().values()) == num


def ran(folder: Path, num: int) -> list[list[str]]:
    """Wait until so many programs have run and return what they noted: pid, parent, GPUs, ticket, word."""
    paths = wait_for(lambda: len(found := sorted(folder.glob("*.ran"))) >= num and found, limit_s=90)
    return [path.read_text().strip("\n").split(" ") for path in paths]


def test_twelve_groups_run_once_each_and_their_exits_are_told(make: Make, tmp_path: Path) -> None:
    cluster = make(setup=["WORD='two words'", "export WORD"])
    cluster.check()
    tickets = submit(cluster, 12)
    wait_for(are(cluster, Over, 12), limit_s=120)
    assert cluster.poll() == {ticket: Over(number) for number, ticket in enumerate(tickets)}
    noted = ran(tmp_path / "outcome", 12)
    assert sorted(words[3] for words in noted) == sorted(tickets)
    assert all(words[2] == "" and words[4:] == ["two", "words"] for words in noted), "no GPU was asked for"
    output = tmp_path / "outcome" / "attempts" / "_out"
    assert {path.name for path in output.iterdir()} == {f"b1_{number}.out" for number in range(12)}


def test_an_actor_whose_group_has_ended_runs_those_that_wait(make: Make, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome"
    (outcome / "hold").touch()
    cluster = make(cpus=2)
    tickets = submit(cluster, 6)
    before = ran(outcome, 4)
    (outcome / "hold").unlink()
    first = before[0][3]
    cluster.stop([first], force=False)
    noted = ran(outcome, 6)
    (actor,) = [words[1] for words in before if words[3] == first]
    assert [words[1] for words in noted if words not in before] == [actor, actor], "no process of Ray was started"
    wait_for(lambda: isinstance(cluster.poll()[tickets[5]], Over))
    assert {ticket for ticket, state in cluster.poll().items() if isinstance(state, Running)} == {
        words[3] for words in before if words[3] != first
    }
    assert [cluster.poll()[tickets[number]] for number in (4, 5)] == [Over(4), Over(5)]


def test_a_group_that_an_actor_has_taken_is_found_stopped_and_killed(make: Make, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome"
    (outcome / "hold").touch()
    first = make(cpus=2)
    tickets = submit(first, 6)
    asked = ran(outcome, 4)[0][3]
    first.stop([asked], force=False)
    ran(outcome, 5)
    cluster = make(cpus=2)
    assert set(cluster.adopt()) == {*tickets} - {asked}, "what is over is not adopted, though its actor lives"
    wait_for(lambda: are(cluster, Running, 4)() and are(cluster, Waiting, 1)())
    taken = tickets[4]
    cluster.stop([taken], force=True)
    wait_for(lambda: cluster.poll()[taken] == Over(None, "SIGKILL"))
    assert not list(outcome.glob("b1_4.asked"))
    ran(outcome, 6)
    assert isinstance(cluster.poll()[tickets[5]], Running)
    cluster.stop([tickets[5]], force=False)
    wait_for(lambda: cluster.poll()[tickets[5]] == Over(7))
    assert are(first, Running, 3)(), "the first launch knows the same"


def test_what_is_withdrawn_is_taken_by_no_actor(make: Make, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome"
    (outcome / "hold").touch()
    cluster = make(cpus=2)
    tickets = submit(cluster, 6)
    running = [words[3] for words in ran(outcome, 4)]
    cluster.stop([tickets[4]], force=False)
    cluster.stop(running, force=False)
    ran(outcome, 5)
    assert isinstance(cluster.poll()[tickets[4]], Over)
    assert not (outcome / "b1_4.ran").exists()


def test_with_its_actor_a_group_is_over_that_the_actor_has_taken(make: Make, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome"
    (outcome / "hold").touch()
    cluster = make(cpus=2)
    tickets = submit(cluster, 5)
    cluster.stop([ran(outcome, 4)[0][3]], force=False)
    (actor,) = [int(words[1]) for words in ran(outcome, 5) if words[3] == tickets[4]]
    wait_for(lambda: isinstance(cluster.poll()[tickets[4]], Running))
    os.kill(actor, signal.SIGKILL)
    wait_for(lambda: isinstance(cluster.poll()[tickets[4]], Over))
    assert "worker process has died" in str(cluster.poll()[tickets[4]])


def test_halves_of_gpus_share_one(make: Make, tmp_path: Path) -> None:
    (tmp_path / "outcome" / "hold").touch()
    cluster = make(gpus=0.5)
    submit(cluster, 4)
    assert [words[2] for words in ran(tmp_path / "outcome", 4)] == ["0"] * 4, "each node has one GPU, the first"
    wait_for(are(cluster, Running, 4))


def test_a_stop_asks_those_that_run_and_the_others_never_start(make: Make, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome"
    (outcome / "hold").touch()
    cluster = make(cpus=2)
    tickets = submit(cluster, 6)
    ran(outcome, 4)
    wait_for(are(cluster, Running, 4))
    waiting = [ticket for ticket, state in cluster.poll().items() if isinstance(state, Waiting)]
    assert cluster.poll()[waiting[0]] == Waiting("waits for room on a node")
    cluster.stop(tickets, force=False)
    wait_for(are(cluster, Over, 6))
    assert len(list(outcome.glob("*.asked"))) == 4
    assert len(list(outcome.glob("*.ran"))) == 4
    codes = [state.code for state in cluster.poll().values() if isinstance(state, Over)]
    assert sorted(codes, key=str) == [7, 7, 7, 7, None, None]


def test_a_forced_stop_ends_the_program_at_once(make: Make, tmp_path: Path) -> None:
    (tmp_path / "outcome" / "hold").touch()
    cluster = make()
    tickets = submit(cluster, 1)
    ((pid, *_),) = ran(tmp_path / "outcome", 1)
    cluster.stop(tickets, force=True)
    wait_for(are(cluster, Over, 1))
    wait_for(lambda: not psutil.pid_exists(int(pid)))
    assert not list((tmp_path / "outcome").glob("*.asked"))


def test_after_the_death_of_the_driver_the_next_launch_finds_everything(make: Make, tmp_path: Path) -> None:
    (tmp_path / "outcome" / "hold").touch()
    first = make(cpus=2)
    tickets = submit(first, 6)
    ran(tmp_path / "outcome", 4)
    driver = first._talk._driver
    assert driver is not None
    driver.child.process.send_signal(signal.SIGKILL)
    driver.child.process.wait()
    second = make()
    places = second.adopt()
    assert {ticket: place.number for ticket, place in places.items()} == dict(zip(tickets, range(6), strict=True))
    wait_for(lambda: are(second, Running, 4)() and are(second, Waiting, 2)())
    assert are(first, Running, 4)(), "the first launch has a new driver, too"
    (tmp_path / "outcome" / "hold").unlink()
    running = [ticket for ticket, state in second.poll().items() if isinstance(state, Running)]
    second.stop(running, force=False)
    ran(tmp_path / "outcome", 6)
    wait_for(are(second, Over, 6))


def test_with_the_process_of_its_actor_the_program_dies(make: Make, tmp_path: Path) -> None:
    (tmp_path / "outcome" / "hold").touch()
    cluster = make()
    submit(cluster, 1)
    ((pid, actor, *_),) = ran(tmp_path / "outcome", 1)
    assert os.getsid(int(pid)) == int(pid), "it leads a session of its own"
    os.kill(int(actor), signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(int(pid)))
    wait_for(are(cluster, Over, 1))
    (state,) = cluster.poll().values()
    assert isinstance(state, Over)
    assert "worker process has died" in state.why


def test_at_most_so_many_are_handed_to_ray(make: Make, tmp_path: Path) -> None:
    (tmp_path / "outcome" / "hold").touch()
    cluster = make(at_once=2)
    tickets = cluster.submit("b1", [(Job(f"e{number}", 1),) for number in range(3)])
    assert [isinstance(ticket, Refused) for ticket in tickets] == [False, False, True]
    ran(tmp_path / "outcome", 2)
    cluster.stop([ticket for ticket in tickets if isinstance(ticket, str)], force=True)
    wait_for(are(cluster, Over, 2))
    assert isinstance(cluster.submit("b2", [(Job("e2", 1),)])[0], str)


def test_what_no_node_has_is_told(make: Make) -> None:
    cluster = make(gpus=4, mem_gb=1)
    submit(cluster, 1)
    assert list(cluster.poll().values()) == [Waiting("no node of this Ray has 1 CPU, 4 GPU, 1 GiB of memory")]


def test_a_thousand_may_wait(make: Make) -> None:
    cluster = make(gpus=4)
    tickets = submit(cluster, 1000)
    assert are(cluster, Waiting, 1000)()
    cluster.stop(tickets, force=False)
    wait_for(are(cluster, Over, 1000))


def test_a_node_that_does_not_see_the_folder_says_so(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = make()
    order = cluster._order("b1")
    monkeypatch.setattr(cluster, "_order", lambda batch: order | {"output": str(tmp_path / "elsewhere" / "b1_")})
    submit(cluster, 1)
    wait_for(are(cluster, Over, 1))
    (state,) = cluster.poll().values()
    assert isinstance(state, Over)
    assert f"{tmp_path}/elsewhere is not on this node" in state.why


def test_another_version_there_is_told(make: Make, nodes: RayNodes) -> None:
    code = """
import json, sys
from ray._raylet import GcsClient
client = GcsClient(address=sys.argv[1])
told = json.loads(client.internal_kv_get(b"CLUSTER_METADATA", b"cluster"))
print(told["python_version"], told["ray_version"])
told["python_version"], told["ray_version"] = sys.argv[2:]
client.internal_kv_put(b"CLUSTER_METADATA", json.dumps(told).encode(), True, b"cluster")
"""
    command = [sys.executable, "-c", code, nodes.address]
    done = subprocess.run(  # the token is in this process's environment
        [*command, "3.9.1", "2.9.0"], capture_output=True, text=True, check=True, timeout=60
    )
    try:
        with pytest.raises(InputError, match=r"Ray 2\.9\.0 with Python 3\.9\.1 there, Ray 2"):
            make().check()
    finally:
        subprocess.run([*command, *done.stdout.split()], capture_output=True, check=True, timeout=60)
    make().check()


def test_no_ray_at_an_address_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.2:1")
    with (
        closing(RayCluster(ClusterSettings(), tmp_path)) as cluster,
        pytest.raises(InputError, match=r"no Ray answers at 127\.0\.0\.2:1\. Start one"),
    ):
        cluster.check()


def test_a_ray_that_wants_another_token_says_so(
    make: Make, nodes: RayNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of-another-ray")
    with (
        closing(RayCluster(ClusterSettings(), tmp_path)) as cluster,
        pytest.raises(InputError, match="wants its token"),
    ):
        cluster.check()
    monkeypatch.setenv("RAY_AUTH_TOKEN", nodes.environment["RAY_AUTH_TOKEN"])


def test_with_its_node_a_group_is_over_and_what_waited_there_runs_elsewhere(make: Make, tmp_path: Path) -> None:
    """The last test here: it ends a node."""
    outcome = tmp_path / "outcome"
    (outcome / "hold").touch()
    cluster = make(cpus=2)
    tickets = submit(cluster, 8)
    noted = ran(outcome, 4)
    wait_for(lambda: sum(state == Running(socket.gethostname()) for state in cluster.poll().values()) == 4)
    pids = [int(words[0]) for words in noted]
    lost = noted[0][3]
    node_of(pids[0]).kill()
    wait_for(lambda: isinstance(cluster.poll()[lost], Over), limit_s=90)
    assert "node has died" in str(cluster.poll()[lost])
    wait_for(lambda: are(cluster, Running, 3)() and are(cluster, Waiting, 4)())
    wait_for(lambda: sum(psutil.pid_exists(pid) for pid in pids) == 3)
    (outcome / "hold").unlink()
    running = [ticket for ticket, state in cluster.poll().items() if isinstance(state, Running)]
    cluster.stop(running, force=False)
    ran(outcome, len(tickets))
    wait_for(are(cluster, Over, len(tickets)))
