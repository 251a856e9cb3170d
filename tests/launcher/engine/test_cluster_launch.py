"""Launches on a cluster, which is `ProcessCluster`: real supervisors and workers, and no daemon."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from launcher.engine.open_attempts import ClusterNote, write_cluster_note
from launcher.store.attempt_files import AttemptsOnCluster, own_paths
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.events import Ended, Started, read_events
from launcher.store.history import History, comparable, read_history
from tests.engines.processes import ROOT, ProcessCluster
from tests.launcher.conftest import MARK, TOYS, Result, Workplace, marked, wait_for

TRAIN = """import pathlib, sys, time

def run(config: dict, run):
    from rates import BASE
    run.log(1, loss=config["lr"] * BASE)
    while config["lr"] == 1 and not pathlib.Path("go").exists():
        time.sleep(0.01)
    run.log(2, loss=config["lr"] * BASE + 1)

class Printed:
    def log(self, step, loss):
        print(f"loss={loss}", flush=True)

if __name__ == "__main__":
    run({"lr": int(sys.argv[-1].rpartition("=")[2])}, Printed())
"""
CLUSTER = "[cluster]\non = 'slurm'\ngpus = 0\nbeat_s = 0.2\npoll_s = 0.2\n"


class ClusterPlace:
    """A workplace whose command line knows a cluster of processes."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.paths = place.paths
        self.cluster = ProcessCluster(place.folder / "cluster", place.paths.outcome.absolute())
        self.cluster.path = os.pathsep.join([str(ROOT), str(TOYS)])

    def toy(self, experiments: dict[str, dict[str, object]], cluster: str = CLUSTER, **settings: object) -> None:
        path = self.place.toy(experiments, **{"checkpoint_s": 0.0, "telemetry_s": 0, "logs": "logs/job"} | settings)
        path.write_text(path.read_text() + cluster)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        hidden = ("DEVICES", "CUDA_VISIBLE_DEVICES", "SLURM_CONF")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        environment |= {
            "PYTHONPATH": self.cluster.path,
            "PROCESS_CLUSTER": str(self.cluster.folder),
            "PROCESS_CLUSTER_AT_ONCE": str(self.cluster.at_once),
            MARK: self.place.mark,
        }
        words = [sys.executable, "-m", "tests.engines.on_processes", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, cwd=self.place.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def launch(self, *arguments: str) -> Result:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=100)
        assert "Traceback" not in err, err
        return Result(process.returncode, out, err)

    def history(self, experiment: str) -> History:
        return read_history(own_paths(self.paths, experiment).records(experiment))

    def wait_for_step(self, experiment: str, step: int) -> None:
        wait_for(lambda: self.history(experiment).last_step >= step)

    def supervisor(self, ticket_end: str = "_0") -> int:
        ticket = next(path.stem for path in self.cluster.folder.glob("*.job") if path.stem.endswith(ticket_end))
        return self.cluster.pid(ticket)

    def ticket(self) -> str:
        return next(path.stem for path in self.cluster.folder.glob("*.job"))

    def acks(self, experiment: str) -> list[str]:
        return (self.place.folder / "acks" / experiment).read_text().splitlines()


@pytest.fixture
def there(place: Workplace) -> Iterator[ClusterPlace]:
    """A workplace with a cluster of processes; afterwards no supervisor may be left."""
    found = ClusterPlace(place)
    (place.folder / "acks").mkdir()
    yield found
    found.cluster.kill_all()
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not marked(place.mark), limit_s=10.0)


def slow(steps: int = 400, **more: object) -> dict[str, object]:
    """Return the configuration of an experiment that takes a while, and saves at each step."""
    return {"steps": steps, "step_s": 0.02, "act": "checkpoint", "acks": "acks"} | more


def steps_of(history: History) -> dict[int, object]:
    return {step: comparable(metrics) for step, metrics in history.steps.items()}


@pytest.mark.slow
def test_a_job_on_a_cluster_leaves_what_a_local_launch_leaves(there: ClusterPlace) -> None:
    there.toy({"a": {"steps": 3}, "b": {"steps": 4, "lr": 0.2}, "bad": {"act": "raise"}})
    local = there.place.launch("job.toml", "--on", "here", "--outcome", "local", "--logs", "local/logs")
    ended = there.launch("job.toml")
    assert (local.code, ended.code) == (1, 1), ended.err
    for name in ("a", "b"):
        at_home = read_history(there.place.folder / "local" / "records" / f"{name}.jsonl")
        assert steps_of(read_history(there.paths.records(name))) == steps_of(at_home)
    assert sorted(path.name for path in there.paths.records_folder.iterdir()) == ["a.jsonl", "b.jsonl", "bad.jsonl"]
    assert not AttemptsOnCluster(there.paths).names, "what is over is folded"
    assert not list((there.paths.outcome / "beats").iterdir())
    assert "step 3" in there.paths.log("a").read_text()
    assert "told to fail" in ended.err
    assert "bad: handed to" in ended.err


@pytest.mark.slow
def test_what_runs_outlives_a_killed_launcher_and_the_same_command_follows_it(there: ClusterPlace) -> None:
    there.toy({"a": slow(20, barrier="go"), "b": {"steps": 2}})
    launcher = there.start("job.toml")
    there.wait_for_step("a", 5)
    launcher.kill()
    launcher.communicate()
    told = there.place.launch("status", "job.toml", "--json")
    status = json.loads(told.out)
    assert status["phase"] == "left"
    assert {each["name"]: each["state"] for each in status["experiments"]}["a"] == "running"
    refused = there.place.launch("job.toml", "--on", "here")
    assert refused.code == 2
    assert "a" in refused.err
    assert "stop --all --job job.toml" in refused.err
    assert there.launch("job.toml", "--fresh").code == 2
    follower = there.start("job.toml")
    assert follower.stderr is not None
    assert any("follow a" in line for line in iter(follower.stderr.readline, ""))
    (there.place.folder / "go").touch()
    _, err = follower.communicate(timeout=100)
    assert follower.returncode == 0, err
    assert there.acks("a") == [f"1 {step}" for step in range(1, 21)], "each step was trained once"
    events = [event for event in read_events(there.paths.events) if event.experiment == "a"]
    assert [type(event) for event in events] == [Started, Ended]


@pytest.mark.slow
def test_ctrl_c_leaves_and_stop_ends_what_goes_on_and_the_same_command_goes_on_with_it(there: ClusterPlace) -> None:
    there.cluster.at_once = 1
    there.toy({"a": slow(), "waits": {"steps": 2}})
    launcher = there.start("job.toml")
    there.wait_for_step("a", 3)
    launcher.send_signal(signal.SIGINT)
    _, err = launcher.communicate(timeout=30)
    assert launcher.returncode == 130, err
    assert "1 runs and 1 waits on the cluster and go on" in err
    last = there.history("a").last_step
    there.wait_for_step("a", last + 3)
    stopped = there.launch("stop", "--all", "--job", "job.toml")
    assert stopped.code == 0, stopped.err
    assert "waits: taken out of the queue" in stopped.out
    assert there.launch("wait", "job.toml").code == 1
    assert there.history("a").end is not None
    assert there.history("a").end["ending"] == "interrupted"
    there.toy({"a": slow(there.history("a").last_step + 5), "waits": {"steps": 2}})
    # More steps are another configuration: what was trained is set aside, and trained again from its beginning.
    assert there.launch("job.toml").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_launcher_killed_while_it_hands_over_loses_and_doubles_nothing(there: ClusterPlace, moment: str) -> None:
    there.toy({name: {"steps": 3, "acks": "acks"} for name in "abcd"})
    (there.cluster.folder / "die").write_text(moment)
    killed = there.start("job.toml")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    for name in "abcd":
        assert [line.split()[1] for line in there.acks(name)] == ["1", "2", "3"], "each step was trained once"
        assert read_history(there.paths.records(name)).last_step == 3


@pytest.mark.slow
def test_an_interrupted_experiment_goes_on_from_its_checkpoint_on_the_cluster(there: ClusterPlace) -> None:
    there.toy({"a": slow(120)})
    launcher = there.start("job.toml")
    there.wait_for_step("a", 5)
    assert there.launch("stop", "a", "--job", "job.toml").code == 0
    assert launcher.wait(60) == 1
    launcher.communicate()
    at = read_history(there.paths.records("a")).last_step
    assert 5 <= at < 120
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    assert there.acks("a") == [f"1 {step}" for step in range(1, at + 1)] + [f"2 {step}" for step in range(at + 1, 121)]
    assert list(steps_of(read_history(there.paths.records("a")))) == list(range(1, 121))


@pytest.mark.slow
def test_a_launch_of_some_experiments_leaves_alone_what_runs_of_the_others(there: ClusterPlace) -> None:
    there.toy({"a": slow(20, barrier="go"), "b": {"steps": 2}, "c": {"steps": 2}})
    assert there.launch("job.toml", "--only", "a,b", "--leave").code == 0
    there.wait_for_step("a", 19)
    for arguments in (["--only", "c"], ["--only", "c", "--fresh", "--leave"]):
        assert there.launch("job.toml", *arguments).code == 0
        assert AttemptsOnCluster(there.paths).of("a").open_attempt == 1, "nobody has seen it end"
    (there.place.folder / "go").touch()
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    assert there.acks("a") == [f"1 {step}" for step in range(1, 21)], "each step was trained once"


def test_a_launcher_whose_place_another_has_taken_leaves(there: ClusterPlace) -> None:
    """As one that Ctrl-Z had stopped, and whose user has typed the command on another login node meanwhile."""
    there.toy({"a": slow(60, barrier="go")})
    launcher = there.start("job.toml")
    there.wait_for_step("a", 5)
    for path in (there.paths.outcome / "beats").glob(".launch@*"):
        path.unlink()
    _, err = launcher.communicate(timeout=60)
    assert launcher.returncode == 0, err
    assert "another launcher works in the folder now" in err
    (there.place.folder / "go").touch()
    assert there.launch("job.toml").code == 0
    assert len(there.acks("a")) == 60


def test_what_lives_though_the_cluster_does_not_have_it_is_followed_and_not_lost(there: ClusterPlace) -> None:
    """So does what another user has handed over, or this one from a machine with another Slurm."""
    there.toy({"a": slow(60, barrier="go"), "b": slow(2)})
    assert there.launch("job.toml", "--leave").code == 0
    there.wait_for_step("a", 5)
    for path in list(there.cluster.folder.glob("*.job")):
        there.cluster.forget(path.stem)
    (there.place.folder / "go").touch()
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    assert "a: lives, though processes has no job for it here" in ended.err
    assert len(there.acks("a")) == 60, "nothing was trained twice"
    assert list(there.history("a").steps) == list(range(1, 61))


def test_what_the_cluster_does_not_have_and_gives_no_sign_of_life_goes_on(there: ClusterPlace) -> None:
    there.toy({"a": slow(60)})
    assert there.launch("job.toml", "--leave").code == 0
    there.wait_for_step("a", 5)
    os.kill(there.supervisor(), signal.SIGKILL)
    there.cluster.forget(there.ticket())
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    assert "whether signs of life come is known in 1 s" in ended.err
    assert list(there.history("a").steps) == list(range(1, 61))


@pytest.mark.slow
def test_leave_ends_at_once_and_wait_waits_for_the_cluster(there: ClusterPlace) -> None:
    there.toy({"a": slow(60), "b": {"steps": 2}})
    left = there.launch("job.toml", "--leave")
    assert left.code == 0, left.err
    assert there.launch("wait", "job.toml").code == 0
    results = there.place.launch("report", "job.toml")
    assert results.code == 0, results.err
    assert (there.paths.outcome / "results_table.txt").read_text().count("done") == 2
    again = there.launch("job.toml")
    assert again.code == 0
    assert "nothing to do" in again.err
    assert sorted(path.name for path in there.paths.records_folder.iterdir()) == ["a.jsonl", "b.jsonl"]
    kinds = [event.kind for event in read_events(there.paths.events) if event.experiment == "a"]
    assert kinds == ["started", "ended"]


@pytest.mark.slow
def test_a_lost_node_costs_one_attempt_and_each_step_is_read_once(there: ClusterPlace) -> None:
    there.toy({"a": slow(100)})
    launcher = there.start("job.toml")
    there.wait_for_step("a", 5)
    os.kill(there.supervisor(), signal.SIGKILL)
    _, err = launcher.communicate(timeout=100)
    assert launcher.returncode == 0, err
    assert "was lost" in err
    attempts = [line.split()[0] for line in there.acks("a")]
    assert set(attempts) == {"1", "2"}
    assert list(steps_of(read_history(there.paths.records("a")))) == list(range(1, 101))
    endings = [event for event in read_events(there.paths.events) if isinstance(event, Ended)]
    assert [(event.attempt, str(event.ending)) for event in endings] == [(1, "killed"), (2, "done")]


@pytest.mark.slow
def test_a_job_that_the_cluster_runs_again_without_a_launcher_is_a_further_attempt(there: ClusterPlace) -> None:
    there.toy({"a": slow(80)})
    assert there.launch("job.toml", "--leave").code == 0
    there.wait_for_step("a", 5)
    os.kill(there.supervisor(), signal.SIGKILL)
    there.cluster.requeue(there.ticket())
    there.cluster.poll()
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    assert list(steps_of(read_history(there.paths.records("a")))) == list(range(1, 81))
    assert {line.split()[0] for line in there.acks("a")} == {"1", "2"}


@pytest.mark.slow
def test_a_launcher_that_watches_follows_the_job_that_the_cluster_runs_again(there: ClusterPlace) -> None:
    there.toy({"a": slow(80)})
    launcher = there.start("job.toml")
    there.wait_for_step("a", 5)
    ticket, pid = there.ticket(), there.supervisor()
    os.kill(pid, signal.SIGSTOP)  # a node that is cut off: it gives no sign of life, and is not gone
    there.cluster.requeue(ticket)
    there.cluster.poll()
    wait_for(lambda: there.history("a").attempt == 2)
    os.kill(pid, signal.SIGCONT)
    _, err = launcher.communicate(timeout=100)
    assert launcher.returncode == 0, err
    assert "a: goes on, attempt 2" in err
    assert "a: followed on processes" in err
    assert list(steps_of(read_history(there.paths.records("a")))) == list(range(1, 81))


@pytest.mark.slow
@pytest.mark.parametrize(
    "what",
    ['command = ["{python}", "train.py", "{args}"]\nlog = ["loss={loss}"]\ncheck = false', 'target = "train:run"'],
)
def test_code_that_is_copied_may_be_edited_while_jobs_wait(there: ClusterPlace, what: str) -> None:
    folder, end = there.place.folder, "\ngrace_s = 5\npreload = []\nmetrics = ['loss']\n"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / "rates.py").write_text("BASE = 1\n")
    (folder / "train.py").write_text(TRAIN)
    there.place.job(f"[sweep]\n{what}{end}[experiments]\na = {{ lr = 1 }}\nb = {{ lr = 2 }}\n{CLUSTER}code = 'copy'\n")
    there.cluster.at_once = 1
    launcher = there.start("job.toml")
    there.wait_for_step("a", 1)
    (folder / "rates.py").write_text("BASE = 100\n")
    (folder / "train.py").write_text("raise RuntimeError('half edited')\n")
    (folder / "go").touch()
    _, err = launcher.communicate(timeout=100)
    assert launcher.returncode == 0, err
    losses = {name: [dict(values)["loss"] for values in steps_of(there.history(name)).values()] for name in "ab"}  # type: ignore[call-overload]
    assert losses == {"a": [1, 2], "b": [2, 3]}
    (copy,) = (there.paths.outcome / "attempts" / "_code").glob("[0-9a-f]*")
    assert (copy / "train.py").read_text() == TRAIN


def test_what_cannot_run_on_a_cluster_starts_nothing(there: ClusterPlace) -> None:
    there.toy({"a": {"steps": 2}}, CLUSTER.replace("slurm", "lsf"))
    refused = there.launch("job.toml")
    assert refused.code == 2
    assert "cluster.on" in refused.err
    there.toy({"a": {"steps": 2}})
    for options, told in ((["--devices", "0"], "--devices"), (["--sequential"], "--sequential"), (["--ask"], "--ask")):
        wrong = there.launch("job.toml", *options)
        assert (wrong.code, told in wrong.err) == (2, True)
    assert there.place.launch("job.toml", "--on", "here", "--leave").code == 2
    assert not there.paths.outcome.exists()
    assert not list(there.cluster.folder.glob("*.job"))


@pytest.mark.slow
def test_a_secret_goes_into_no_order_and_a_changed_value_into_no_running_experiment(there: ClusterPlace) -> None:
    script = '[sweep]\ncommand = ["sleep", "{seconds}"]\nmetrics = []\npreload = []\n[experiments]\n'
    there.place.job(script + 'a = { seconds = 0, api_token = "abc" }\n' + CLUSTER)
    for words in (["job.toml"], ["plan", "job.toml"]):
        secret = there.launch(*words)
        assert (secret.code, "api_token of [config] looks like a secret" in secret.err) == (2, True)
    assert not list(there.cluster.folder.glob("*.job"))
    assert "abc" not in "".join(path.read_text() for path in there.paths.outcome.rglob("*") if path.is_file())
    there.toy({"a": slow(20, barrier="go")})
    assert there.launch("job.toml", "--leave").code == 0
    there.wait_for_step("a", 3)
    there.toy({"a": slow(21, barrier="go")})
    for words in (["job.toml"], ["plan", "job.toml"]):
        changed = there.launch(*words)
        assert (changed.code, "runs on the cluster with another configuration" in changed.err) == (2, True)
    (there.place.folder / "go").touch()
    assert there.launch("wait", "job.toml").code in (0, 1)


@pytest.mark.slow
def test_a_cluster_that_is_silent_at_first_is_asked_again(there: ClusterPlace) -> None:
    there.toy({"a": {"steps": 2}})
    silent = there.cluster.folder / "silent"
    silent.touch()
    launcher = there.start("job.toml")
    assert launcher.stderr is not None
    assert any("does not answer" in line for line in iter(launcher.stderr.readline, ""))
    assert not list(there.cluster.folder.glob("*.job"))
    silent.unlink()
    _, err = launcher.communicate(timeout=60)
    assert launcher.returncode == 0, err


@pytest.mark.slow
def test_where_the_job_says_so_the_end_of_the_launcher_stops_what_runs(there: ClusterPlace) -> None:
    there.toy({"a": slow()}, CLUSTER + 'on_leave = "stop"\n')
    launcher = there.start("job.toml")
    there.wait_for_step("a", 3)
    launcher.send_signal(signal.SIGINT)
    _, err = launcher.communicate(timeout=60)
    assert launcher.returncode == 130, err
    assert "a: interrupted" in err
    assert read_history(there.paths.records("a")).end is not None
    assert not AttemptsOnCluster(there.paths).names


@pytest.mark.slow
def test_a_launch_on_another_cluster_than_that_which_has_the_attempts_starts_nothing(there: ClusterPlace) -> None:
    there.toy({"a": slow(20, barrier="go")})
    left = there.launch("job.toml", "--leave")
    assert "The same command without --leave follows. To end what is there: " in left.err
    write_cluster_note(ClusterPaths(there.paths.outcome).note, ClusterNote("ray"))
    refused = there.launch("job.toml")
    assert refused.code == 2
    assert "a: handed to ray, waits or runs there. Follow it with --on ray" in refused.err
    assert AttemptsOnCluster(there.paths).of("a").open_attempt == 1


def test_a_plan_says_what_would_be_handed_over_and_starts_nothing(there: ClusterPlace) -> None:
    there.toy({"a": {"steps": 2}, "b": {"steps": 2}})
    plan = there.launch("plan", "job.toml")
    assert plan.code == 0, plan.err
    assert "cluster: 2 handed to slurm" in plan.out
    document = json.loads(there.launch("plan", "job.toml", "--json").out)
    assert (document["cluster"]["name"], document["cluster"]["num_handed_over"]) == ("slurm", 2)
    assert not there.paths.outcome.exists()


@pytest.mark.slow
def test_what_is_killed_without_a_launcher_runs_no_more_and_goes_on_later(there: ClusterPlace) -> None:
    there.toy({"a": slow(60)})
    assert there.launch("job.toml", "--leave").code == 0
    there.wait_for_step("a", 5)
    killed = there.launch("stop", "--all", "--force", "--job", "job.toml")
    assert killed.code == 0, killed.err
    assert there.launch("wait", "job.toml", "--timeout", "20").code == 1
    status = json.loads(there.place.launch("status", "job.toml", "--json").out)
    assert [each["state"] for each in status["experiments"]] == ["interrupted"]
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    assert list(steps_of(read_history(there.paths.records("a")))) == list(range(1, 61))
    assert there.acks("a")[-1] == "3 60"


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_on_its_node(there: ClusterPlace) -> None:
    there.toy({"a": {"act": "sleep", "at": 2}}, kill_after_s=1.0)
    ended = there.launch("job.toml")
    assert ended.code == 1
    assert "a hung" in ended.err
    assert "no record for" in ended.err
    assert "time.sleep" in there.paths.log("a").read_text() or "toy.py" in there.paths.log("a").read_text()


@pytest.mark.slow
def test_several_experiments_share_a_job(there: ClusterPlace) -> None:
    there.toy({name: {"steps": 2} for name in "abc"}, CLUSTER + "per_job = 2\n")
    ended = there.launch("job.toml")
    assert ended.code == 0, ended.err
    assert len(list(there.cluster.folder.glob("*.job"))) == 2
    assert all(read_history(there.paths.records(name)).last_step == 2 for name in "abc")
