"""Ray as a cluster, with a driver that has no Ray: names, settings, states and messages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.clusters import ray
from launcher.clusters.base import Gone, Job, NotHeard, Over, Place, Refused, Running, Waiting
from launcher.clusters.ray import RayCluster
from launcher.clusters.ray_actor import BatchOrder, own_environment, start
from launcher.clusters.ray_driver import _why_over, _why_waiting
from launcher.clusters.settings import ClusterSettings
from launcher.errors import InputError
from tests.launcher.clusters.test_ray_talk import driver

Make = Callable[..., RayCluster]
GROUPS = [(Job(f"e{number}", 1),) for number in range(4)]
TAKES_ALL = 'print(json.dumps({"answer": 1}), flush=True)'


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return what makes a cluster whose driver runs some code for each request."""
    made: list[RayCluster] = []
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray.importlib.util, "find_spec", lambda name: object())

    def _make(code: str = TAKES_ALL, *, outcome: Path = tmp_path, **settings: Any) -> RayCluster:
        made.append(RayCluster(ClusterSettings(**settings), outcome, start=driver(code)))
        return made[-1]

    yield _make
    for cluster in made:
        cluster.close()


def answers(**by_request: Any) -> str:
    """Return the code of a driver that answers each kind of request so."""
    return (
        f'print(json.dumps({{"answer": json.loads({json.dumps(by_request)!r})[json.loads(line)["ask"]]}}), flush=True)'
    )


def problem(kind: str, text: str = "in Ray's words") -> str:
    return f'print(json.dumps({{"problem": {kind!r}, "text": {text!r}}}), flush=True)'


def test_tickets_are_names_of_the_sweep_the_batch_and_the_number(make: Make, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").symlink_to("here")
    here, there = (make(outcome=tmp_path / name).submit("b1", GROUPS[:2]) for name in ("here", "there"))
    assert here == there, "a sweep is known by the real path of its folder"
    sweep, batch, number = str(here[1]).split("/")
    assert len(sweep) == 10
    assert (batch, number) == ("b1", "1")
    assert make(outcome=tmp_path).submit("b1", GROUPS[:1])[0] != here[0]


def test_the_actors_of_a_batch_are_told_what_to_run_and_where(make: Make, tmp_path: Path) -> None:
    code = f'open({str(tmp_path / "asked")!r}, "a").write(line); {TAKES_ALL}'
    settings = {"gpus": 0.5, "cpus": 3, "mem_gb": 2, "setup": ("module load cuda",)}
    tickets = make(code, **settings).submit("b1", GROUPS[:2])
    request = json.loads((tmp_path / "asked").read_text())
    told = BatchOrder(**request["batch"])
    assert [told.ticket(number) for number in request["numbers"]] == tickets
    assert told.words == [*ray.PROGRAM, str(tmp_path), "b1"]
    assert told.script.splitlines()[-1] == 'exec "$@"'
    assert "module load cuda" in told.script.splitlines()
    assert told.folder == os.getcwd()
    assert Path(told.output).parent.is_dir(), "a node that has no such folder does not see the outcome"
    assert request["needs"] == {"num_cpus": 3, "num_gpus": 0.5, "memory": 2 << 30}


def test_what_is_beyond_at_once_is_refused_until_something_is_over(make: Make) -> None:
    states: dict[str, Any] = {}
    cluster = make(answers(submit=2, poll=states), at_once=2)
    tickets = cluster.submit("b1", GROUPS)
    assert [isinstance(ticket, Refused) for ticket in tickets] == [False, False, True, True]
    assert all(isinstance(ticket, Refused) for ticket in cluster.submit("b2", GROUPS))
    assert set(cluster.poll().values()) == {Gone()}
    assert not isinstance(cluster.submit("b3", GROUPS)[0], Refused)


def test_states_are_as_the_driver_tells_them(make: Make) -> None:
    cluster = make(TAKES_ALL)
    names = [str(ticket) for ticket in cluster.submit("b1", GROUPS)]
    told = [["waiting", "busy"], ["running", "n\x1b1", "starting"], ["over", -9, "its node died"]]
    cluster.close()
    cluster._talk._start = driver(answers(poll=dict(zip(names, told, strict=False))))
    states = cluster.poll()
    assert [states[name] for name in names] == [
        Waiting("busy"), Running("n\\x1b1", "starting"), Over(None, "SIGKILL", "its node died"), Gone(),
    ]  # fmt: skip


def test_what_waited_at_a_node_that_died_is_handed_over_again(make: Make, tmp_path: Path) -> None:
    cluster = make(TAKES_ALL)
    first, second = map(str, cluster.submit("b1", GROUPS[:2]))
    cluster.close()
    told = {first: ["lost", "its node has died"], second: ["over", 0, ""]}
    asked = tmp_path / "asked"
    cluster._talk._start = driver(f'open({str(asked)!r}, "a").write(line); {answers(poll=told, submit=1)}')
    assert cluster.poll() == {first: Waiting(), second: Over(0)}
    requests = [json.loads(line) for line in asked.read_text().splitlines()]
    assert [request["ask"] for request in requests] == ["poll", "submit"]
    assert (requests[1]["batch"]["words"][-1], requests[1]["numbers"]) == ("b1", [0])


@pytest.mark.parametrize("told", [7, ["over"], ["over", "x", ""], ["running", None, ""], {"a": 1}], ids=str)
def test_a_state_that_is_none_counts_as_gone(told: Any) -> None:
    assert ray._state(told) == Gone()


def test_a_ticket_that_is_over_is_not_asked_for_again(make: Make, tmp_path: Path) -> None:
    cluster = make(TAKES_ALL)
    (name,) = cluster.submit("b1", GROUPS[:1])
    cluster.close()
    cluster._talk._start = driver(answers(poll={name: ["over", 0, ""]}))
    assert cluster.poll() == {name: Over(0)}
    cluster.close()
    cluster._talk._start = driver("sys.exit(1)")
    assert cluster.poll() == {name: Over(0)}


def test_silence_says_nothing_about_the_jobs(make: Make) -> None:
    cluster = make(TAKES_ALL)
    cluster.submit("b1", GROUPS[:1])
    cluster.close()
    for code in ("sys.exit(1)", problem("silent"), problem("unreachable"), 'print("{", flush=True)', TAKES_ALL):
        cluster._talk._start = driver(code)
        with pytest.raises(NotHeard):
            cluster.poll()
        cluster.close()


def test_adoption_takes_names_of_this_sweep_only(make: Make) -> None:
    cluster = make()
    prefix = cluster._prefix
    cluster.close()
    names = [f"{prefix}b1/12", f"{prefix}../1", f"{prefix}b1/-1", f"{prefix}b1", f"{prefix}b1/²", f"{prefix}a/b/1"]
    cluster._talk._start = driver(answers(adopt=names, poll={f"{prefix}b1/12": ["running", "n1", ""]}))
    assert cluster.adopt() == {f"{prefix}b1/12": Place("b1", 12)}
    assert cluster.poll() == {f"{prefix}b1/12": Running("n1")}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"partition": "gpu", "time": "1:00:00"}, "no use for time, partition of"),
        ({"extra": ("--exclude=n1",)}, "no use for extra of"),
        ({"requeue": False}, "no use for requeue of"),
        ({"per_job": 2}, "no use for per_job of"),
    ],
    ids=["two", "extra", "requeue", "per_job"],
)
def test_keys_that_mean_nothing_on_ray_are_named(make: Make, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make("sys.exit(1)", **settings).check()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", r"pip install 'sweep-launcher\[ray\]'"),
        ("unreachable", r"no Ray answers on this machine\. Start one: ray start --head; or export RAY_ADDRESS"),
        ("versions", "Ray 2.9 there"),
        ("token", "this machine's Ray wants its token"),
        ("outside", "this machine is no node of this machine's Ray"),
        ("silent", "Ray did not answer: Ray 2.9 there"),
    ],
)
def test_a_ray_that_cannot_be_used_is_told_with_what_to_type(make: Make, kind: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make(problem(kind, "Ray 2.9 there")).check()


def test_a_driver_that_dies_in_the_check_is_told(make: Make) -> None:
    with pytest.raises(InputError, match="no Ray answers on this machine"):
        make("sys.exit(1)").check()


def test_without_ray_nothing_is_started(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = make()
    monkeypatch.setattr(ray.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="Ray is not installed here"):
        cluster.check()
    assert cluster._talk._driver is None


@pytest.mark.parametrize("address", ["ray://head:10001", "http://head:8265", "local"])
def test_an_address_of_something_else_is_told(make: Make, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InputError, match="RAY_ADDRESS is"):
        make().check()


def test_plan_says_what_an_experiment_needs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    lines = make("sys.exit(1)", gpus=0.5, mem_gb=1.5, setup=("module load cuda",)).preview(3)
    assert lines[0] == "Ray at 10.0.0.1:6379, as RAY_ADDRESS says"
    assert "0.5 GPU, 1.5 GiB of memory" in lines[1]
    assert "module load cuda" in lines[3]


def order(folder: Path, script: str, *setup: str) -> BatchOrder:
    return BatchOrder(
        batch="s/b",
        script="\n".join([*setup, 'exec "$@"']),
        words=("/bin/sh", "-c", script),
        folder=str(folder),
        output=str(folder / "b_"),
        environment={"PYTHONPATH": "/there"},
        takes_s=60.0,
    )


def test_the_program_runs_after_the_setup_and_sees_its_gpus_and_its_ticket(tmp_path: Path) -> None:
    script = 'echo "$A $CUDA_VISIBLE_DEVICES $LAUNCHER_TICKET $PYTHONPATH $PWD $0"; exit 3'
    for _ in range(2):
        child = start(order(tmp_path, script, "A=1", "export A"), 4, ["1", "3"])
        assert child.process.wait() == 3
        child.end()
    line = f"1 1,3 s/b/4 /there {tmp_path} 4\n"
    assert (tmp_path / "b_4.out").read_text() == line * 2, "a second attempt writes at the end"


def test_without_a_gpu_of_ray_the_program_sees_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    child = start(order(tmp_path, 'echo "<$CUDA_VISIBLE_DEVICES>"'), 0, [])
    child.process.wait()
    child.end()
    assert (tmp_path / "b_0.out").read_text() == "<>\n"


def test_a_node_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not on this node"):
        start(order(tmp_path / "elsewhere", "true"), 0, [])
    assert not (tmp_path / "elsewhere").exists()


def test_what_ray_puts_into_the_environment_is_taken_out() -> None:
    ours = {"HOME": "/root", "OMP_NUM_THREADS": "1", "PYTHONBREAKPOINT": "ray.util.rpdb.set_trace", "RAY_JOB_ID": "1"}
    assert own_environment(ours, {"OMP_NUM_THREADS": "4", "HOME": "/"}) == {"HOME": "/root", "OMP_NUM_THREADS": "4"}


def test_a_wish_that_no_node_can_fulfil_is_told() -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 4, "GPU": 1}}, {"Alive": False, "Resources": {"CPU": 8, "GPU": 8}}]
    assert _why_waiting(nodes, {"num_cpus": 4, "num_gpus": 0.5}) == "waits for room on a node"
    assert _why_waiting(nodes, {"num_cpus": 4, "num_gpus": 2}) == "no node of this Ray has 4 CPU, 2 GPU"
    needs = {"num_cpus": 1, "num_gpus": 0, "memory": 3 << 29}
    assert _why_waiting([], needs) == "no node of this Ray has 1 CPU, 1.5 GiB of memory"


class Cause:
    """A cause of death, as Ray's table of actors has it."""

    def __init__(self, kind: str | None, **context: str) -> None:
        self._kind = kind
        if kind:
            setattr(self, kind, type("Context", (), context)())

    def WhichOneof(self, group: str) -> str | None:
        return self._kind


def test_why_an_actor_is_over_is_told_in_rays_words() -> None:
    died = "actor_died_error_context"
    assert _why_over(None) == _why_over(Cause(None)) == ""
    assert _why_over(Cause(died, error_message="its node\n has died")) == "its node has died"
    assert _why_over(Cause("oom_context")) == "oom_context"
    trace = "Traceback\n  File x\nFileNotFoundError: /x is not on this node.\n"
    assert _why_over(Cause("creation_task_failure_context", formatted_exception_string=trace)).startswith("FileNot")
