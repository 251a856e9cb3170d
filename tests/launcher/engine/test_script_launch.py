"""Whole launches of scripts that know no launcher: real processes, real signals, real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
from typing import Any

import pytest

from launcher.store.records import SOURCE, RecordReader
from tests.launcher.conftest import TOYS, Workplace, _toml, marked, wait_for

SCRIPT = TOYS / "scripts" / "train.py"
LOG = "step {step}: loss {loss}, {} ms"


def job(place: Workplace, experiments: dict[str, dict[str, Any]], **settings: Any) -> None:
    """Write a job of the toy script."""
    command = ["{python}", str(SCRIPT), "--out={dir}", "{args}"]
    table = {"command": command, "log": [LOG], "metrics": [], "grace_s": 5, "telemetry_s": 0} | settings
    rows = [f"{key} = {value if key == 'resume' else json.dumps(value)}" for key, value in table.items()]
    names = [
        f'"{name}" = {{ {", ".join(f"{key} = {_toml(value)}" for key, value in over.items())} }}'
        for name, over in experiments.items()
    ]
    place.job("\n".join(["[sweep]", *rows, "[experiments]", *names, ""]))


def ended(process: subprocess.Popen[str]) -> int:
    """Wait for the end of a launch and return its exit code."""
    process.communicate(timeout=30)
    return process.returncode


def losses(place: Workplace, experiment: str) -> dict[int, float]:
    return {step: metrics["loss"] for step, metrics in place.history(experiment).steps.items()}


def offsets(place: Workplace, experiment: str) -> list[tuple[int, int]]:
    """Return the place of each step in its source, which a step that was recorded twice would have twice."""
    records = RecordReader(place.paths.records(experiment)).read()
    return [tuple(record[SOURCE]) for record in records if SOURCE in record and "kind" not in record]


def test_a_script_trains_without_a_changed_line(place: Workplace) -> None:
    job(place, {"a": {}, "b": {"lr": 0.5, "steps": 7}}, metrics=["loss"], total="steps")
    result = place.launch("job.toml", "--parallel")
    assert result.code == 0, result.err
    assert losses(place, "a") == {step: 0.1 / step for step in range(1, 6)}
    assert losses(place, "b") == {step: 0.5 / step for step in range(1, 8)}
    assert "command " in place.log("a")
    assert place.log("a").count("step 3: loss") == 1, "the script's line, and no line of ours beside it"
    assert place.paths.curves("loss").exists()
    again = place.launch("job.toml")
    assert "nothing to do" in again.err


ENDINGS = {
    "raise": ("failed", "ValueError: the data is wrong (exit code 1)"),
    "exit": ("failed", "exit code 3"),
    "abort": ("killed", "SIGABRT"),
    "kill": ("killed", "SIGKILL"),
    "memory": ("out_of_memory", "CUDA out of memory"),
}


def test_the_ending_says_how_the_script_ended(place: Workplace) -> None:
    job(place, {f"then_{then}": {"then": then} for then in ENDINGS}, on_oom="fail")
    result = place.launch("job.toml")
    assert result.code == 1
    for then, (ending, why) in ENDINGS.items():
        name = f"then_{then}"
        end = place.history(name).end
        assert end is not None
        assert (then, end["ending"]) == (then, ending)
        assert why in end["error"]
        assert [line for line in result.err.splitlines() if name in line and why in line], result.err
        assert list(losses(place, name)) == [1, 2]


def test_a_script_that_is_asked_to_stop_is_interrupted_and_goes_on(place: Workplace) -> None:
    resume = '{ if = "{dir}/checkpoint.txt", args = ["--resume"] }'
    job(place, {"a": {"steps": 60, "pause": 0.02, "on-stop": "save"}}, resume=resume)
    process = place.start("job.toml")
    wait_for(lambda: "step 4:" in place.log("a"))
    process.send_signal(signal.SIGINT)
    assert ended(process) == 130
    end = place.history("a").end
    assert end is not None
    assert end["ending"] == "interrupted", "though its exit code was 0"
    assert "a  interrupted after" in place.launch("plan", "job.toml").out
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert losses(place, "a") == {step: 0.1 / step for step in range(1, 61)}
    assert "resumed" in place.log("a")
    assert place.history("a").attempt == 2
    assert len(offsets(place, "a")) == len(set(offsets(place, "a")))


def test_a_script_that_leaves_with_0_when_asked_is_not_done(place: Workplace) -> None:
    job(place, {"a": {"steps": 500, "pause": 0.02, "on-stop": "leave"}}, total="steps")
    process = place.start("job.toml")
    wait_for(lambda: "step 4:" in place.log("a"))
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 143
    assert place.history("a").end["ending"] == "interrupted"  # type: ignore[index]
    plan = place.launch("plan", "job.toml").out
    assert "there is no checkpoint" in plan


def test_a_script_that_ignores_the_signal_is_killed_after_the_grace_time(place: Workplace) -> None:
    job(place, {"a": {"then": "wait", "on-stop": "ignore"}}, grace_s=0.3)
    process = place.start("job.toml")
    wait_for(lambda: "step 2:" in place.log("a"))
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 143
    assert marked(place.mark) == []


@pytest.mark.parametrize("victim", ["launcher", "worker", "script"])
def test_what_was_printed_before_a_kill_is_recorded_once(place: Workplace, victim: str) -> None:
    job(place, {"a": {"steps": 100_000}})
    process = place.start("job.toml")
    wait_for(lambda: "step 100:" in place.log("a"))
    script = next(found for found in marked(place.mark) if str(SCRIPT) in found.cmdline())
    pid = {"launcher": process.pid, "worker": script.ppid(), "script": script.pid}[victim]
    os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    wait_for(lambda: not marked(place.mark))
    place.launch("report", "job.toml")
    printed = [line for line in place.log("a").split("=== a, ")[1].splitlines() if line.startswith("step ")]
    whole = [line for line in printed if line.endswith(" ms")]
    assert sorted(losses(place, "a")) == list(range(1, len(whole) + 1))
    assert len(offsets(place, "a")) == len(whole) == len(set(offsets(place, "a")))


def test_a_worker_that_is_stopped_does_not_hold_the_script_up(place: Workplace) -> None:
    job(place, {"a": {"steps": 3000}})
    process = place.start("job.toml")
    wait_for(lambda: "step 10:" in place.log("a"))
    script = next((found for found in marked(place.mark) if str(SCRIPT) in found.cmdline()), None)
    assert script is not None
    worker = script.ppid()
    os.kill(worker, signal.SIGSTOP)
    wait_for(lambda: "step 3000:" in place.log("a"))
    os.kill(worker, signal.SIGCONT)
    assert ended(process) == 0
    assert len(losses(place, "a")) == 3000


@pytest.mark.slow
def test_on_nan_stop_ends_a_script_as_diverged(place: Workplace) -> None:
    job(place, {"a": {"steps": 10_000, "pause": 0.01, "then": "nan"}}, metrics=["loss"], on_nan="stop")
    assert place.launch("job.toml").code == 1
    end = place.history("a").end
    assert end is not None
    assert end["ending"] == "diverged"
    assert end["error"] == "Diverged: loss is nan at step 3"


@pytest.mark.slow
def test_a_script_that_hangs_leaves_its_stacks(place: Workplace) -> None:
    job(place, {"a": {"then": "wait"}}, kill_after_s=1.0, stall_after_s=0.5)
    result = place.launch("job.toml")
    assert result.code == 1
    assert "hung" in result.err
    assert "Fatal Python error: Aborted" in place.log("a")
    assert "train.py" in place.log("a").split("Fatal Python error")[1]


@pytest.mark.slow
def test_a_changed_configuration_begins_in_an_empty_folder(place: Workplace) -> None:
    job(place, {"a": {"on-stop": "save", "steps": 5}})
    place.launch("job.toml")
    folder = place.paths.run("a")
    assert (folder / "checkpoint.txt").read_text() == "5"
    job(place, {"a": {"on-stop": "save", "steps": 3}})
    assert "redo   a  changed: steps 5 → 3" in place.launch("plan", "job.toml").out
    assert place.launch("job.toml").code == 0
    assert (folder / "checkpoint.txt").read_text() == "3"
    assert (place.paths.earlier(1) / "runs" / "a" / "checkpoint.txt").read_text() == "5"


@pytest.mark.slow
def test_verify_trains_a_script_again_beside_its_own_folder(place: Workplace) -> None:
    job(place, {"a": {"on-stop": "save"}})
    place.launch("job.toml")
    checkpoint = place.paths.run("a") / "checkpoint.txt"
    before = checkpoint.stat().st_mtime_ns
    result = place.launch("verify", "--job", "job.toml")
    assert "a: 5 steps, all identical" in result.out
    assert checkpoint.stat().st_mtime_ns == before


def shape(place: Workplace, source: str, **settings: Any) -> None:
    """Write a script, and a job with one experiment that sets its lr."""
    (place.folder / "train.py").write_text(source)
    table = {"command": ["{python}", "train.py"], "log": ["lr {lr}"], "metrics": [], "check": "parser"} | settings
    rows = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    place.job("\n".join(["[sweep]", *rows, "[config]\nlr = 1e-5\nmodel.width = 64", "[experiments]", "a = {}", ""]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "settings"),
    [
        ("import os\nprint('lr', os.environ['lr'], os.environ['model'])", {"args": "env"}),
        ("import json, sys\nprint('lr', json.load(open(sys.argv[1]))['lr'])", {"args": "file", "command": "{config}"}),
        ("import sys\nprint('lr', sys.argv[1].split('=')[1], sys.argv[2])", {"args": "key=value", "check": False}),
        ("import sys\nprint('lr', sys.argv[2], *sys.argv[3:])", {"args": "-key value", "check": False}),
        ("import sys\nprint('lr', sys.argv[1], *sys.argv[2:])", {"command": "{lr}", "check": False}),
    ],
)
def test_values_reach_a_script_in_each_way(place: Workplace, source: str, settings: dict[str, Any]) -> None:
    if last := settings.pop("command", ""):
        settings["command"] = ["{python}", "train.py", last]
    shape(place, source, **settings)
    result = place.launch("job.toml")
    assert result.code == 0, result.err + place.log("a")
    assert [step["lr"] for step in place.history("a").steps.values()] == [1e-5]


@pytest.mark.slow
@pytest.mark.parametrize("is_inside", [False, True])
def test_values_take_the_place_of_a_scripts_own(place: Workplace, is_inside: bool) -> None:
    (place.folder / "train.py").write_text(
        "lr = 0.1\nwidth = 8\nprint('lr', lr, width)\nassert __name__ == '__main__'\n"
    )
    table = 'command = ["{python}", "train.py"]\nargs = "globals"\nlog = ["lr {lr} {width}"]\nmetrics = []'
    place.job(
        f"[sweep]\n{table}\npreload = []\ninside = {str(is_inside).lower()}\n[experiments]\na = {{ lr = 1e-5 }}\n"
    )
    result = place.launch("job.toml")
    assert result.code == 0, result.err + place.log("a")
    assert list(place.history("a").steps.values()) == [{"lr": 1e-5, "width": 8}]


@pytest.mark.slow
def test_a_base_file_lies_under_the_configuration(place: Workplace) -> None:
    (place.folder / "base.toml").write_text("\ufeff[model]\nwidth = 1\ndepth = 3\n")
    source = "import json, sys\nc = json.load(open(sys.argv[1]))\nprint('lr', c['lr'], c['model'])"
    command = ["{python}", "train.py", "{config}"]
    shape(place, source, args="file", config_base="base.toml", command=command)
    assert place.launch("job.toml").code == 0
    assert "lr 1e-05 {'width': 64, 'depth': 3}" in place.log("a")
    (place.folder / "base.toml").write_text("[model]\nwidth = 1\ndepth = 4\n")
    assert "redo   a  changed" in place.launch("plan", "job.toml").out, "the base file belongs to the identity"


def test_the_parser_of_the_script_checks_every_experiment_first(place: Workplace) -> None:
    job(place, {"a": {"lrr": 1}, "b": {"steps": "many"}, "c": {"learn": 1}})
    result = place.launch("job.toml")
    assert result.code == 2
    assert "experiments.a.lrr" in result.err
    assert 'Did you mean "lr"?' in result.err
    assert "experiments.b.steps" in result.err
    assert "invalid int value: 'many'" in result.err
    assert not place.paths.outcome.exists()


@pytest.mark.slow
def test_a_script_that_has_changed_is_kept_and_told(place: Workplace) -> None:
    shape(place, "print('lr', 3)", check=False)
    place.launch("job.toml")
    shape(place, "print('lr', 4)", check=False)
    assert "keep" in place.launch("plan", "job.toml").out
    assert "the script has changed since; --fresh trains it again" in place.launch("plan", "job.toml").out


def test_two_experiments_that_write_the_same_file_are_told(place: Workplace) -> None:
    source = "import sys, time\nopen('model.pt', 'w').write(sys.argv[1])\nprint('lr', 3)\n"
    (place.folder / "train.py").write_text(source)
    place.job(
        '[sweep]\ncommand = ["{python}", "train.py", "{name}"]\nlog = ["lr {lr}"]\nmetrics = []\n'
        "[experiments]\na = {}\nb = {}\nc = {}\n"
    )
    err = place.launch("job.toml").err
    assert "*** model.pt changed while a ran, and while b ran." in err
    assert err.count("model.pt changed") == 1


@pytest.mark.slow
def test_a_script_without_metrics_is_told_how_to_find_them(place: Workplace) -> None:
    job(place, {"a": {}}, log=["lss {loss}"])
    result = place.launch("job.toml")
    assert result.code == 0
    assert "a: no metric was found in its output." in result.err
    job(place, {"a": {}}, log=["lss {loss}"], events="{dir}/*.csv")
    err = place.launch("job.toml", "--fresh").err
    assert "a: no metric was found in its output, and none in files that events names: {dir}/*.csv." in err


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_loaded_is_told_as_the_likely_cause(place: Workplace) -> None:
    resume = '{ if = "{dir}/checkpoint.txt", args = ["--resume"] }'
    job(place, {"a": {"then": "raise", "on-stop": "save"}}, resume=resume)
    place.launch("job.toml")
    (place.paths.run("a") / "checkpoint.txt").write_text("")
    result = place.launch("job.toml")
    assert "ValueError: invalid literal for int()" in result.err
    assert "that may be damaged. Options --fresh --only a begin it anew." in result.err


@pytest.mark.slow
def test_a_script_that_prints_is_not_silent(place: Workplace) -> None:
    job(place, {"a": {"steps": 60, "pause": 0.05}}, log=[], kill_after_s=1.0)
    result = place.launch("job.toml")
    assert result.code == 0, "it printed for three seconds, and no line was a metric"


@pytest.mark.slow
def test_counted_steps_go_on_where_the_script_goes_on(place: Workplace) -> None:
    resume = '{ if = "{dir}/checkpoint.txt", args = ["--resume"] }'
    job(place, {"a": {"then": "exit", "at": 5, "steps": 8, "on-stop": "save"}}, resume=resume, log=["loss {loss}"])
    assert place.launch("job.toml").code == 1
    assert list(losses(place, "a")) == [1, 2, 3, 4]
    (place.paths.run("a") / "checkpoint.txt").write_text("5")
    assert place.launch("job.toml").code == 0
    assert list(losses(place, "a")) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.slow
def test_the_same_note_of_many_experiments_is_told_once(place: Workplace) -> None:
    job(place, {name: {} for name in "abc"}, log=["lss {loss}"])
    result = place.launch("job.toml")
    assert result.err.count("no metric was found in its output") == 1
    assert "no metric was found in its output" in place.log("c")


def test_the_defaults_of_the_parser_are_shown_and_no_part_of_the_identity(place: Workplace) -> None:
    job(place, {"a": {}, "b": {"lr": 0.5}})
    place.launch("job.toml")
    planned = {entry["name"]: entry for entry in json.loads(place.paths.sweep.read_text())["experiments"]}
    assert planned["a"]["config"] == {}
    assert planned["a"]["defaults"]["lr"] == 0.1
    assert "out" not in planned["a"]["defaults"], "the command gives each experiment another"
    assert planned["b"]["config"] == {"lr": 0.5}
    assert "config   lr = 0.1" in place.log("a")
    job(place, {"a": {"lr": 0.1}, "b": {"lr": 0.5}})
    plan = place.launch("plan", "job.toml").out
    assert "keep   a" in plan, "a key at its default is no change"
    assert "keep   b" in plan


@pytest.mark.slow
def test_a_working_folder_within_the_experiments_own_is_made_for_it(place: Workplace) -> None:
    source = "import os\nprint('lr', 3 if os.getcwd().endswith('/runs/a/work') else 4)"
    shape(place, source, command=["{python}", str(place.folder / "train.py")], cwd="{dir}/work", check=False)
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert [metrics["lr"] for metrics in place.history("a").steps.values()] == [3]


@pytest.mark.slow
def test_processes_that_a_command_leaves_running_are_ended_and_told(place: Workplace) -> None:
    (place.folder / "run.sh").write_text("(echo lr 3; exec sleep 99) &\nsleep 0.1\n")
    place.job('[sweep]\ncommand = ["sh", "run.sh"]\nlog = ["lr {lr}"]\nmetrics = []\n[experiments]\na = {}\n')
    err = place.launch("job.toml").err
    assert "a: the command has ended and left processes running, which are ended now: sleep." in err
    assert [metrics["lr"] for metrics in place.history("a").steps.values()] == [3]


@pytest.mark.slow
def test_a_daemon_that_a_command_leaves_running_is_ended_and_told(place: Workplace) -> None:
    source = "import os\nprint('lr 3', flush=True)\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n"
    (place.folder / "train.py").write_text(source + "        os.execvp('sleep', ['sleep', '99'])\n")
    command = 'command = ["{python}", "train.py"]\ncheck = false\nlog = ["lr {lr}"]\nmetrics = []\n'
    place.job(f"[sweep]\n{command}[experiments]\na = {{}}\n")
    err = place.launch("job.toml").err
    assert "a: the command has ended and left processes running, which are ended now: sleep." in err


@pytest.mark.slow
def test_the_file_of_a_configuration_with_a_secret_is_the_owners_alone_and_made_anew(place: Workplace) -> None:
    source = "import json, os, sys\nprint('lr', len(json.load(open(sys.argv[1]))['api_key']))\n"
    (place.folder / "train.py").write_text(source + "os.remove(sys.argv[1])\nos.mkfifo(sys.argv[1])\nsys.exit(1)\n")
    place.job(
        '[sweep]\ncommand = ["{python}", "train.py", "{config}"]\nargs = "file"\nlog = ["lr {lr}"]\nmetrics = []\n'
        'retries = 1\n[experiments]\na = { api_key = "k3y-üü" }\n'
    )
    assert "attempt 1: failed" in place.launch("job.toml").err
    (place.folder / "train.py").write_text(source)
    assert place.launch("job.toml").code == 0
    assert [metrics["lr"] for metrics in place.history("a").steps.values()] == [6]
    assert (place.paths.run("a") / "config.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_free_port_stands_in_a_variable_too(place: Workplace) -> None:
    source = "import os, sys\nprint('lr', float(os.environ['MASTER_PORT'] == sys.argv[1] != '0'))"
    shape(place, source, command=["{python}", "train.py", "{port}"], check=False)
    text = (place.folder / "job.toml").read_text()
    place.job(text.replace("[config]", 'env = { MASTER_PORT = "{port}" }\n[config]'))
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert [metrics["lr"] for metrics in place.history("a").steps.values()] == [1]


def test_a_daemon_of_a_script_ends_with_its_worker(place: Workplace) -> None:
    source = (
        "import os, time\nprint('lr 3', flush=True)\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        for fd in range(3): os.close(fd)\n        time.sleep(600)\n    os._exit(0)\nos.wait()\n"
    )
    (place.folder / "train.py").write_text(source)
    place.job('[sweep]\ncommand = ["{python}", "train.py"]\nlog = ["lr {lr}"]\nmetrics = []\n[experiments]\na = {}\n')
    assert place.launch("job.toml").code == 0
    assert marked(place.mark) == []


def test_a_program_begins_with_the_standard_descriptors_alone_and_ignores_no_signal(place: Workplace) -> None:
    (place.folder / "run.sh").write_text("echo lr $(ls /proc/self/fd | wc -l)\ngrep SigIgn /proc/self/status\n")
    place.job('[sweep]\ncommand = ["sh", "run.sh"]\nlog = ["lr {lr}"]\nmetrics = []\n[experiments]\na = {}\n')
    result = place.launch("job.toml")
    assert result.code == 0, result.err
    assert [metrics["lr"] for metrics in place.history("a").steps.values()] == [4], (
        "three, and the folder that ls reads"
    )
    ignored = int(place.log("a").split("SigIgn:")[1].split()[0], 16)
    assert not ignored & sum(1 << (number - 1) for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT))


def test_steps_that_each_epoch_prints_anew_go_on_with_the_attempt(place: Workplace) -> None:
    source = """
        import os, sys
        folder = sys.argv[1]
        done = int(open(f"{folder}/ck").read()) if "--resume" in sys.argv else 0
        for epoch in range(done, 4):
            for step in (10, 20, 30):
                print(f"Epoch [{epoch + 1}/4], Step [{step}/30], Loss: {epoch}.{step}")
                if (epoch, step, done) == (2, 20, 0):
                    os.abort()
            open(f"{folder}/ck", "w").write(str(epoch + 1))
    """
    (place.folder / "train.py").write_text(textwrap.dedent(source))
    place.job(
        '[sweep]\ncommand = ["{python}", "train.py", "{dir}"]\n'
        'log = ["Epoch [{epoch}/{}], Step [{step}/{}], Loss: {loss}"]\n'
        'resume = { if = "{dir}/ck", args = ["--resume"] }\n[experiments]\na = {}\n'
    )
    place.launch("job.toml")
    assert place.launch("job.toml").code == 0
    records = RecordReader(place.paths.records("a")).read()
    steps = {record["step"]: record["loss"] for record in records if "loss" in record}
    assert steps == {30 * epoch + step: float(f"{epoch}.{step}") for epoch in range(4) for step in (10, 20, 30)}
