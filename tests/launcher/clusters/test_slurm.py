"""The port to Slurm with other commands in place of Slurm's: what they are asked, what follows from each answer.

test_slurm_nodes.py has the same port on a real Slurm.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.clusters.base import Group, Job, NotHeard, Over, Place, Refused, Running, Waiting
from launcher.clusters.make import make_cluster
from launcher.clusters.settings import ClusterSettings
from launcher.clusters.slurm import SlurmCluster
from launcher.clusters.slurm_script import quoted
from launcher.errors import InputError, WriteError

CONTROLLER_DOWN = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
# Notes its arguments and environment, then does what the lines of a file beside it say, the last of them for ever.
COMMAND = """#!/bin/bash
beside=$(dirname "$0")/$(basename "$0")
printf '%s\\0' "$@" >>"$beside.asked"; printf '\\0' >>"$beside.asked"
env >"$beside.environment"
[ -e "$beside.answers" ] || exit 0
count=$(wc -l <"$beside.answers")
line=$(head -n 1 "$beside.answers")
[ "$count" -gt 1 ] && sed -i 1d "$beside.answers"
eval "$line"
"""


class Commands:
    """Commands in a folder that is the PATH. Each answers as it is told and notes what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("sbatch", "squeue", "scancel", "scontrol", "sinfo"):
            (folder / name).write_text(COMMAND)
            (folder / name).chmod(0o755)

    def answer(self, name: str, *lines: str) -> None:
        """Have a command do these lines of bash, one a call, the last one for ever."""
        (self.folder / f"{name}.answers").write_text("".join(f"{line}\n" for line in lines))

    def queue(self, *jobs: str) -> None:
        """Let squeue print jobs, each as `array_index state name`. An array has the job id of its last element."""
        text = ""
        for number, job in enumerate(jobs, start=1):
            array, index, state, name = re.split(r"[_ ]", job, maxsplit=3)
            job_id = array if number == len(jobs) or state == "PENDING" else str(int(array) + number)
            text += f"{job_id}|{array}|{index}|{state}|0|n1|None|{name}|\\n"
        self.answer("squeue", f"printf '{text}'")

    def asked(self, name: str) -> list[list[str]]:
        """Return the arguments of each call of a command."""
        path = self.folder / f"{name}.asked"
        calls = path.read_text().split("\0\0")[:-1] if path.exists() else []
        return [call.split("\0") for call in calls]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    made = Commands(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{made.folder}:/usr/bin:/bin")
    made.answer("sbatch", "echo 17")
    return made


@pytest.fixture
def outcome(tmp_path: Path) -> Path:
    return tmp_path / "outcome"


def groups(count: int) -> list[Group]:
    return [(Job(f"a{number}", 1),) for number in range(count)]


def cluster(outcome: Path, *, limit_s: float = 60.0, **settings: object) -> SlurmCluster:
    return SlurmCluster(ClusterSettings(**settings), outcome, limit_s=limit_s)  # type: ignore[arg-type]


def name_of(commands: Commands, call: int = 0) -> str:
    (name,) = [word for word in commands.asked("sbatch")[call] if word.startswith("--job-name=")]
    return name.removeprefix("--job-name=")


def arrays(commands: Commands) -> list[str]:
    return [word for call in commands.asked("sbatch") for word in call if word.startswith("--array=")]


def test_a_batch_is_one_array(commands: Commands, outcome: Path) -> None:
    tickets = cluster(outcome, at_once=10).submit("b1", groups(50))
    assert tickets == [f"b1:{number}" for number in range(50)]
    assert arrays(commands) == ["--array=0-49%10"]
    assert re.fullmatch(r"sl-[0-9a-f]{10}-b1", name_of(commands))
    script = Path(commands.asked("sbatch")[0][-1])
    assert script == outcome / "attempts" / "_batches" / "b1.sh"
    assert f"launcher.supervisor {outcome} b1 $group" in script.read_text()
    assert f"--output={outcome}/attempts/_out/b1_%a.out" in commands.asked("sbatch")[0]
    assert (outcome / "attempts" / "_out").is_dir()


def test_the_sweep_is_its_folder_by_whatever_path(commands: Commands, outcome: Path, tmp_path: Path) -> None:
    outcome.mkdir()
    (tmp_path / "link").symlink_to(outcome)
    cluster(outcome).submit("b1", groups(1))
    cluster(tmp_path / "link").submit("b1", groups(1))
    cluster(tmp_path / "other").submit("b1", groups(1))
    assert name_of(commands, 0) == name_of(commands, 1) != name_of(commands, 2)


def test_a_batch_beyond_the_largest_array_is_several(commands: Commands, outcome: Path) -> None:
    tickets = cluster(outcome).submit("b1", groups(2500))
    assert tickets == [f"b1:{number}" for number in range(2500)]
    assert arrays(commands) == ["--array=0-999", "--array=0-999", "--array=0-499"]
    assert [name_of(commands, call)[14:] for call in range(3)] == ["b1", "b1@1000", "b1@2000"]
    assert f"--output={outcome}/attempts/_out/b1_1%3a.out" in commands.asked("sbatch")[1]
    assert not any("--dependency" in word for call in commands.asked("sbatch") for word in call)
    assert "group=$((SLURM_ARRAY_TASK_ID + 1000))" in Path(commands.asked("sbatch")[1][-1]).read_text()


def test_arrays_of_a_sweep_with_at_once_run_one_after_another(commands: Commands, outcome: Path) -> None:
    commands.answer(
        "sbatch", "echo 17", "echo Welcome; echo '1018;cluster'", "echo a site that says no number", "echo 1"
    )
    cluster(outcome, at_once=3).submit("b1", groups(3500))
    waits = [[word for word in call if word.startswith("--dependency")] for call in commands.asked("sbatch")]
    assert waits == [[], ["--dependency=afterany:17"], ["--dependency=afterany:1018"], []]


@pytest.mark.parametrize("can_resume", [True, False])
def test_a_job_is_told_before_the_limit_of_its_partition_where_it_can_go_on(
    can_resume: bool, commands: Commands, outcome: Path
) -> None:
    make_cluster("slurm", ClusterSettings(), outcome, 30.0, can_resume).submit("b1", groups(1))
    (call,) = commands.asked("sbatch")
    assert ("--signal=B:USR1@90" in call) == can_resume
    assert ("sbatch" in Path(call[-1]).read_text()) == can_resume, "its job submits another, which goes on"


def test_an_element_that_is_cancelled_while_it_waits_is_told_from_an_array_that_was_lost(
    commands: Commands, outcome: Path
) -> None:
    slurm = cluster(outcome)
    slurm.submit("b1", groups(3))
    name = name_of(commands)
    commands.queue(*(f"17_{index} PENDING {name}" for index in range(3)))
    assert set(slurm.poll().values()) == {Waiting()}
    commands.queue(f"17_0 RUNNING {name}", f"17_2 PENDING {name}")
    for _ in range(2):
        state = slurm.poll()["b1:1"]
        assert isinstance(state, Over)
        assert state.was_cancelled
    commands.queue(f"99_0 RUNNING {name}@1000")
    assert slurm.poll() == {}, "a controller that has died may have lost the array"


def test_a_node_is_left_out_besides_those_that_the_job_file_leaves_out(commands: Commands, outcome: Path) -> None:
    for extra, excluded in ((), "n2"), (("--exclude=n13",), "n13,n2"), (("-x", "n13"), "n13,n2"):
        slurm = cluster(outcome, extra=extra)
        slurm.avoid("n2")
        slurm.submit("b1", groups(1))
        excludes = [word for word in commands.asked("sbatch")[-1] if word.startswith("--exclude=")]
        assert excludes[-1] == f"--exclude={excluded}", "Slurm takes the last"
    slurm = cluster(outcome, extra=("--exclude=./nodes.txt",))
    slurm.avoid("n2")
    slurm.submit("b1", groups(1))
    assert "--exclude=./nodes.txt" in commands.asked("sbatch")[-1]
    assert not any("n2" in word for word in commands.asked("sbatch")[-1])


def test_at_once_counts_the_jobs_that_are_there_already(commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome, at_once=3)
    slurm.submit("b1", groups(5))
    name = name_of(commands)
    commands.queue(f"17_0 RUNNING {name}", f"17_1 COMPLETED {name}")
    slurm.submit("b2", groups(5))
    commands.queue(f"17_0 RUNNING {name}", f"18_0 RUNNING {name}", f"18_1 PENDING {name}")
    slurm.submit("b3", groups(5))
    options = [
        [word for word in call if word.startswith(("--array", "--dependency"))] for call in commands.asked("sbatch")
    ]
    assert options == [["--array=0-4%3"], ["--array=0-4%2"], ["--array=0-4%3", "--dependency=afterany:17:18"]]


def test_with_at_once_a_job_goes_on_in_its_own_array(commands: Commands, outcome: Path) -> None:
    cluster(outcome, at_once=3, time="4:00:00").submit("b1", groups(5))
    script = Path(commands.asked("sbatch")[0][-1]).read_text()
    show = "import json, os; print(json.loads(os.environ['LAUNCHER_RESUBMIT']))"
    lines = [line for line in script.splitlines() if line.startswith("export LAUNCHER_RESUBMIT")]
    environment = {"PATH": f"{commands.folder}:/usr/bin:/bin", "SLURM_JOB_ID": "17", "SLURM_ARRAY_JOB_ID": "17"}
    environment |= {"SLURM_ARRAY_TASK_ID": "4"}
    run = f"{lines[0]}\nexec {sys.executable} -c {shlex.quote(show)}"
    told = subprocess.run(["bash", "-c", run], env=environment, capture_output=True, text=True, check=True).stdout
    words = ast.literal_eval(told)
    for forbidden, asked in ((False, 1), (True, 2)):
        commands.answer("scontrol", "exit 1" if forbidden else "exit 0")
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == ("17\n" if forbidden else "17_4\n"), "the name of the job that goes on"
        assert commands.asked("scontrol")[-1] == ["requeue", "17_4"], "not 17, which is the whole array"
        assert len(commands.asked("sbatch")) == asked


def test_the_size_of_arrays_is_asked_for(commands: Commands, outcome: Path) -> None:
    commands.answer("scontrol", "printf 'MaxArraySize            = 150\\nMaxJobCount = 10000\\n'")
    slurm = cluster(outcome)
    slurm.check()
    slurm.submit("b1", groups(130))
    assert arrays(commands) == ["--array=0-99", "--array=0-29"]


def test_a_slurm_without_arrays_is_told(commands: Commands, outcome: Path) -> None:
    commands.answer("scontrol", "echo 'MaxArraySize = 0'")
    with pytest.raises(InputError, match="takes no job arrays"):
        cluster(outcome).check()


def test_paths_with_a_percent_sign_are_no_patterns(commands: Commands, tmp_path: Path) -> None:
    cluster(tmp_path / "50%a").submit("b1", groups(1))
    assert f"--output={tmp_path}/50%%a/attempts/_out/b1_%a.out" in commands.asked("sbatch")[0]


def test_the_successor_waits_for_its_predecessor_alone(commands: Commands, outcome: Path) -> None:
    cluster(outcome, time="1:00:00", partition="gpu").submit("b1", groups(9))
    script = Path(commands.asked("sbatch")[0][-1])
    text = script.read_text().replace("launcher.supervisor", "json.tool")
    text = re.sub(r"\nexec .*", "\nprintf '%s' \"$LAUNCHER_RESUBMIT\"", text)
    known = {"PATH": "/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_JOB_ID": "17"}
    printed = subprocess.run(["/bin/bash", "-c", text], env=known, capture_output=True, check=True).stdout
    command = json.loads(printed)
    assert command[:4] == ["env", "-u", "SLURM_RESTART_COUNT", "sbatch"]
    assert "--dependency=afterany:17_4" in command
    first = [word for word in commands.asked("sbatch")[0] if not word.startswith(("--array", "--dependency"))]
    again = [word for word in command[4:] if not word.startswith(("--array", "--dependency"))]
    assert again == first, "with the same options, name and script"
    assert [word for word in command if word.startswith("--array")] == ["--array=4"]


FAILED = "sbatch: error: Batch job submission failed: "
POLICY = FAILED + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
FULL = "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying."
LIMITS = [
    "sbatch: error: QOSMaxSubmitJobPerUserLimit\n" + POLICY,
    "sbatch: error: AssocMaxSubmitJobLimit\n" + POLICY,
    POLICY,
    f"{FULL}\n{FAILED}Resource temporarily unavailable",
    FAILED + "Required partition not available (inactive or drain)",
]


def fails(words: str) -> str:
    """Return a line of bash that fails with these words."""
    return f"printf '%s' {quoted(words)} >&2; exit 1"


@pytest.mark.parametrize("words", LIMITS)
def test_what_is_over_a_limit_is_refused(words: str, commands: Commands, outcome: Path) -> None:
    commands.answer("sbatch", fails(words))
    first, second = cluster(outcome).submit("b1", groups(2))
    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert "\n" not in first.why
    assert words.splitlines()[0].removeprefix("sbatch: error: ")[:20] in first.why


def test_as_many_are_submitted_as_the_limit_takes(commands: Commands, outcome: Path) -> None:
    limit = "[ $(cat $beside.taken 2>/dev/null | wc -l) -lt 1 ] && [[ $* == *--array=0-24* ]] "
    commands.answer("sbatch", f"{limit} && echo 17 | tee -a $beside.taken || {{ {fails(LIMITS[0])}; }}")
    tickets = cluster(outcome).submit("b1", groups(100))
    assert tickets[:25] == [f"b1:{number}" for number in range(25)]
    assert all(isinstance(ticket, Refused) for ticket in tickets[25:])
    assert arrays(commands) == ["--array=0-99", "--array=0-24", "--array=25-49", "--array=25-30", "--array=25"]


def test_arrays_that_are_too_large_for_the_site_are_made_smaller(commands: Commands, outcome: Path) -> None:
    words = "sbatch: error: Batch job submission failed: Invalid job array specification"
    commands.answer("sbatch", f"[[ $* =~ --array=[0-9]+-99 ]] && {{ {fails(words)}; }}; echo 17")
    assert cluster(outcome).submit("b1", groups(100)) == [f"b1:{number}" for number in range(100)]
    assert arrays(commands)[1:] == [
        "--array=0-24",
        "--array=25-49",
        "--array=50-74",
        "--array=75-99",
        "--array=75-80",
        "--array=81-86",
        "--array=87-92",
        "--array=93-98",
        "--array=99",
    ]


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        (
            f"sbatch: error: invalid partition specified: nope\n{FAILED}Invalid partition name specified",
            {"partition": "nope", "gpus": 1},
            'partition = "nope"',
        ),
        (FAILED + "Invalid account or account/partition combination specified", {"account": "x"}, 'account = "x"'),
        (FAILED + "Invalid qos specification", {"qos": "x", "gpus": 1}, 'qos = "x"'),
        (FAILED + "Invalid feature specification", {"constraint": "a100", "gpus": 1}, 'constraint = "a100"'),
        (FAILED + "Requested reservation is invalid", {"reservation": "r", "gpus": 1}, 'reservation = "r"'),
        (FAILED + "Requested node configuration is not available", {"gpus": 9, "partition": "gpu"}, "gpus = 9"),
        (
            f"Memory specification can not be satisfied\n{FAILED}Requested node configuration",
            {"mem_gb": 900, "gpus": 1},
            "mem_gb = 900",
        ),
        (
            f"sbatch: error: QOSMaxWallDurationPerJobLimit\n{POLICY}",
            {"time": "9-00", "qos": "short"},
            'qos = "short", time = "9-00"',
        ),
        ("sbatch: unrecognized option '--foo'", {"extra": ("--foo",), "gpus": 1}, 'extra = ["--foo"]'),
        ("sbatch: error: A rule of this site", {"partition": "p", "gpus": 1}, 'gpus = 1, partition = "p"'),
    ],
)
def test_what_is_never_taken_is_an_error_with_slurms_words_and_the_key(
    words: str, settings: dict[str, object], told: str, commands: Commands, outcome: Path
) -> None:
    commands.answer("sbatch", fails(words))
    with pytest.raises(InputError) as error:
        cluster(outcome, **settings).submit("b1", groups(3))
    message = str(error.value)
    assert message.startswith("--on slurm: sbatch takes no such job: ")
    for line in words.splitlines():
        assert line in message
    assert message.endswith(f"The job file says, in [cluster]: {told}.")
    assert len(commands.asked("sbatch")) == 1


@pytest.mark.parametrize(
    "words",
    [
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
        "sbatch: error: Munge encode failed: Failed to connect to /run/munge/munge.socket.2",
        "sbatch: error: Batch job submission failed: Slurm backup controller in standby mode",
        "sbatch: error: Batch job submission failed: Protocol authentication error",
    ],
)
def test_a_controller_that_does_not_answer_is_not_heard(words: str, commands: Commands, outcome: Path) -> None:
    commands.answer("sbatch", fails(words))
    with pytest.raises(NotHeard):
        cluster(outcome).submit("b1", groups(3))


def test_no_command_is_waited_for_longer_than_its_limit(commands: Commands, outcome: Path) -> None:
    for name in ("sbatch", "squeue"):
        commands.answer(name, "sleep 60")
    slurm = cluster(outcome, limit_s=0.2)
    for ask in (lambda: slurm.submit("b1", groups(1)), slurm.poll, slurm.adopt):
        with pytest.raises(NotHeard, match=r"no answer within 0\.2 s"):
            ask()


def test_an_sbatch_that_waits_for_room_is_refused(commands: Commands, outcome: Path) -> None:
    """Where the controller has too many jobs, sbatch itself tries again for minutes."""
    commands.answer("sbatch", f"echo '{FULL}' >&2; sleep 60")
    (refused,) = cluster(outcome, limit_s=3.0).submit("b1", groups(1))
    assert isinstance(refused, Refused)


def test_a_poll_asks_once_for_all_and_tells_what_is_known(commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome)
    slurm.submit("b1", groups(5))
    name = name_of(commands)
    commands.queue(f"17_0 COMPLETED {name}", f"17_1 RUNNING {name}", f"17_2 PENDING {name}", f"17_9 RUNNING {name}")
    assert slurm.poll() == {"b1:0": Over(0, None, "COMPLETED"), "b1:1": Running("n1"), "b1:2": Waiting("")}
    (asked,) = commands.asked("squeue")
    assert {"-h", "-r", "-t", "all", "-u"} <= set(asked)


@pytest.mark.parametrize("answer", [fails(CONTROLLER_DOWN), "exit 1", f"echo '{CONTROLLER_DOWN}'; exit 1"])
def test_a_squeue_that_fails_says_nothing_about_jobs(answer: str, commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome)
    slurm.submit("b1", groups(1))
    commands.answer("squeue", answer)
    for ask in (slurm.poll, slurm.adopt, lambda: slurm.stop(["b1:0"], force=False)):
        with pytest.raises(NotHeard, match="squeue"):
            ask()


def test_adoption_finds_live_jobs_of_the_sweep_and_follows_them(commands: Commands, outcome: Path) -> None:
    cluster(outcome).submit("b1", groups(1))
    name = name_of(commands)
    commands.queue(
        f"17_0 RUNNING {name}", f"17_1 COMPLETED {name}", f"30_7 PENDING {name}@1000", "40_0 RUNNING sl-0123456789-b1"
    )
    later = cluster(outcome)
    assert later.poll() == {}, "what was not adopted is not followed"
    assert later.adopt() == {"b1:0": Place("b1", 0), "b1:1007": Place("b1", 1007)}
    assert later.poll() == {"b1:0": Running("n1"), "b1:1007": Waiting("")}


def test_stop_asks_the_supervisors_that_run_and_cancels_what_waits(commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome)
    slurm.submit("b1", groups(8))
    name = name_of(commands)
    running = [f"17_{index} RUNNING {name}" for index in (0, 1, 2, 4)]
    commands.queue(
        *running, f"17_3 COMPLETED {name}", f"17_5 PENDING {name}", f"17_6 PENDING {name}", f"88_1 PENDING {name}"
    )
    slurm.stop(["b1:0", "b1:1", "b1:2", "b1:3", "b1:5", "b1:7"], force=False)
    assert commands.asked("scancel") == [
        ["17_[5]", "88_[1]"],
        ["--verbose", "--batch", "--signal=TERM", "17_0", "17_1", "17_2"],
    ]
    slurm.stop([f"b1:{number}" for number in range(8)], force=True)
    assert commands.asked("scancel")[2:] == [["17_[0-2,4-6]", "88_[1]"]]


def test_a_supervisor_is_signalled_once_though_scancel_would_try_again(commands: Commands, outcome: Path) -> None:
    """Slurm calls an array of which elements wait "in transitional state"; scancel signals it again after 5 s."""
    slurm = cluster(outcome)
    slurm.submit("b1", groups(13))
    commands.queue(*[f"17_{index} RUNNING {name_of(commands)}" for index in range(13)])
    tries = "for job in ${@:4}; do echo 'scancel: Job is in transitional state, retrying' >&2; done; sleep 60; exit 3"
    commands.answer("scancel", tries)
    slurm.stop([f"b1:{number}" for number in range(13)], force=False)
    asked = commands.asked("scancel")
    assert [len(words) - 3 for words in asked] == [10, 3], "so many it asks for at once"
    commands.answer("scancel", "echo 'scancel: Job is in transitional state, retrying' >&2; sleep 60")
    slurm.stop(["b1:0", "b1:1"], force=False)


def test_stop_of_very_many_needs_no_long_command_line(commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome)
    every_other = range(0, 1000, 2)
    slurm.submit("b1", groups(1000))
    commands.queue(*[f"17_{index} PENDING {name_of(commands)}" for index in every_other])
    slurm.stop([f"b1:{number}" for number in every_other], force=True)
    words = [word for call in commands.asked("scancel") for word in call]
    assert max(map(len, words)) < 1000
    found = [int(number) for word in words for number in word[4:-1].split(",")]
    assert found == list(every_other)


@pytest.mark.parametrize(
    "words",
    [
        "scancel: error: Kill job error on job id 17_0: Invalid job id specified\n"
        "scancel: error: Kill job error on job id 17_1: Job/step already completing or completed",
        "scancel: error: Kill job error on job id 17_0: Job is pending execution",
        "",
    ],
)
def test_a_stop_that_comes_too_late_is_no_error(words: str, commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome)
    slurm.submit("b1", groups(1))
    commands.queue(f"17_0 RUNNING {name_of(commands)}")
    commands.answer("scancel", fails(words))
    for force in (True, False):
        slurm.stop(["b1:0"], force=force)


@pytest.mark.parametrize("answer", [fails("scancel: error: Unable to contact slurm controller"), "sleep 60"])
@pytest.mark.parametrize("force", [True, False])
def test_a_stop_that_slurm_did_not_hear_is_told(answer: str, force: bool, commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome, limit_s=0.3)
    slurm.submit("b1", groups(1))
    commands.queue(f"17_0 RUNNING {name_of(commands)}")
    commands.answer("scancel", answer)
    with pytest.raises(NotHeard, match="scancel"):
        slurm.stop(["b1:0"], force=force)


def test_variables_that_change_what_slurms_commands_say_do_not_reach_them(
    commands: Commands, outcome: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SQUEUE_FORMAT", "SCANCEL_INTERACTIVE", "SBATCH_WAIT", "SBATCH_PARTITION", "SLURM_CONF"):
        monkeypatch.setenv(name, "x")
    slurm = cluster(outcome)
    slurm.submit("b1", groups(1))
    slurm.poll()
    for name in ("sbatch", "squeue"):
        environment = (commands.folder / f"{name}.environment").read_text()
        assert "SBATCH_PARTITION=x" in environment
        assert "SLURM_CONF=x" in environment
        assert not re.search("SQUEUE_FORMAT|SCANCEL_INTERACTIVE|SBATCH_WAIT", environment)


def test_a_named_cluster_is_asked_by_every_command(commands: Commands, outcome: Path) -> None:
    slurm = cluster(outcome, extra=("--clusters=big",))
    slurm.check()
    slurm.submit("b1", groups(1))
    commands.queue(f"17_0 RUNNING {name_of(commands, 1)}")
    slurm.stop(["b1:0"], force=True)
    for name in ("scontrol", "squeue", "scancel"):
        assert commands.asked(name)[0][:2] == ["-M", "big"]
    assert "--clusters=big" in commands.asked("sbatch")[0]


def test_a_job_that_is_never_taken_is_an_error_before_anything_is_written(commands: Commands, outcome: Path) -> None:
    commands.answer("sbatch", "echo 'sbatch: error: invalid partition specified: gpuu' >&2; exit 1")
    with pytest.raises(InputError, match='partition = "gpuu"'):
        cluster(outcome, partition="gpuu").check()
    assert "--test-only" in commands.asked("sbatch")[0]
    commands.answer("sbatch", "echo 'sbatch: error: Batch job submission failed: MaxJobCount' >&2; exit 1")
    cluster(outcome).check()
    assert not outcome.exists()


def test_all_problems_of_the_table_are_told_before_anything_is_done(commands: Commands, outcome: Path) -> None:
    with pytest.raises(InputError) as error:
        cluster(outcome, gpus=0.5, extra=("--wrap=x",)).check()
    assert len(error.value.problems) == 2
    assert not outcome.exists()
    assert not commands.asked("scontrol")


def test_a_machine_without_sbatch_is_told_what_to_do(outcome: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError) as error:
        cluster(outcome).check()
    assert str(error.value) == "--on slurm: there is no sbatch on this machine. Run this on a login node"


def test_a_controller_that_is_down_is_told_with_its_words(commands: Commands, outcome: Path) -> None:
    commands.answer("scontrol", fails("Unable to contact slurm controller (connect failure)"))
    with pytest.raises(InputError, match=r"--on slurm: Slurm does not answer\. scontrol: Unable to contact"):
        cluster(outcome).check()


def test_an_outcome_folder_that_slurm_cannot_name_is_told(commands: Commands, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Slurm takes no path with a backslash"):
        cluster(tmp_path / "a\\b").check()


def test_a_folder_that_cannot_be_written_is_told(commands: Commands, outcome: Path) -> None:
    outcome.write_text("a file")
    with pytest.raises(WriteError, match="the batch script of b1 cannot be written"):
        cluster(outcome).submit("b1", groups(1))


def test_a_plan_says_what_would_be_submitted_and_asks_nothing(commands: Commands, outcome: Path) -> None:
    plan = cluster(outcome, gpus=1, at_once=100, time="4:00:00", setup=("module load cuda",)).describe(2300)
    assert (plan.num_arrays, plan.num_jobs, plan.at_once) == (3, 2300, 100)
    assert plan.command[0] == "sbatch"
    assert {"--array=0-999%100", "--gres=gpu:1", "--time=4:00:00"} <= set(plan.command)
    assert "module load cuda" in plan.script
    assert not outcome.exists()
    assert not any(commands.asked(name) for name in ("sbatch", "squeue", "scontrol", "sinfo"))
    assert cluster(outcome).describe(0).num_arrays == 0


def test_an_answer_to_a_plan_has_limits_and_whether_such_a_job_is_taken(commands: Commands, outcome: Path) -> None:
    commands.answer("scontrol", "printf 'MaxArraySize = 1001\\nMaxJobCount = 10000\\n'")
    commands.answer("sinfo", "echo 'normal*: 4 nodes'")
    told = "Job 36 to start at 9172-04-07T10:54:52 using 1 processors on nodes n1 in partition normal"
    commands.answer("sbatch", f"echo 'sbatch: {told}' >&2", fails("sbatch: error: invalid partition specified: x"))
    slurm = cluster(outcome, gpus=1, setup=("module load cuda",))
    answer = slurm.ask()
    assert answer.limits == {"MaxArraySize": 1001, "MaxJobCount": 10000}
    assert answer.partitions == ["normal*: 4 nodes"]
    assert answer.is_taken
    assert answer.words == "a job would use 1 processors on nodes n1 in partition normal"
    assert not slurm.ask().is_taken
    assert "--gres=gpu:1" in commands.asked("sbatch")[0]
    commands.answer("sbatch", fails(CONTROLLER_DOWN))
    with pytest.raises(NotHeard):
        slurm.ask()
