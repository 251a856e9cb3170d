"""The lines of squeue, as Slurm 22.05 prints them, and the states that they become."""

from __future__ import annotations

import pytest

from launcher.clusters.base import Over, Place, Running, State, Waiting
from launcher.clusters.slurm_states import STATES, QueueReader, job_name, newest

SWEEP = "0123456789"


def line(
    *,
    state: str = "RUNNING",
    job: int = 8,
    array: object = 7,
    index: object = 3,
    code: str = "0",
    node: str = "n1",
    reason: str = "None",
    name: str = f"sl-{SWEEP}-b1",
) -> str:
    return f"{job}|{array}|{index}|{state}|{code}|{node}|{reason}|{name}|"


def state_of(text: str) -> State:
    (job,) = QueueReader(SWEEP).read(text)
    return job.state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (line(state="PENDING", node="n/a", reason="Resources"), Waiting("Resources")),
        (line(state="PENDING", node="", reason="None"), Waiting("")),
        (line(state="PENDING", node="n/a", reason="BeginTime"), Waiting("BeginTime")),
        (line(state="REQUEUED", node="n/a"), Waiting("REQUEUED")),
        (line(state="REQUEUE_HOLD", reason="held by hand"), Waiting("REQUEUE_HOLD (held by hand)", is_stuck=True)),
        (line(state="SPECIAL_EXIT"), Waiting("SPECIAL_EXIT", is_stuck=True)),
        (line(), Running("n1")),
        (line(state="CONFIGURING"), Running("n1", "CONFIGURING")),
        (line(state="COMPLETING"), Running("n1", "COMPLETING")),
        (line(state="SUSPENDED"), Running("n1", "SUSPENDED")),
        (line(state="STAGE_OUT"), Running("n1", "STAGE_OUT")),
        (line(state="COMPLETED"), Over(0, None, "COMPLETED")),
        (line(state="FAILED", code="768", reason="NonZeroExitCode"), Over(3, None, "FAILED")),
        (line(state="FAILED", code="3:0", reason="NonZeroExitCode"), Over(3, None, "FAILED")),
        (line(state="FAILED", code="0:9"), Over(None, "SIGKILL", "FAILED")),
        (line(state="CANCELLED", code="15"), Over(None, "SIGTERM", "CANCELLED", was_cancelled=True)),
        (
            line(state="TIMEOUT", code="0:15", reason="TimeLimit"),
            Over(None, "SIGTERM", "TIMEOUT (TimeLimit)", was_evicted=True),
        ),
        (
            line(state="NODE_FAIL", code="N/A", reason="NodeDown"),
            Over(None, None, "NODE_FAIL (NodeDown)", was_evicted=True),
        ),
        (line(state="OUT_OF_MEMORY", code="0:125"), Over(None, "signal 125", "OUT_OF_MEMORY")),
        (line(state="PREEMPTED"), Over(0, None, "PREEMPTED", was_evicted=True)),
        (line(state="BOOT_FAIL"), Over(0, None, "BOOT_FAIL", was_evicted=True)),
        (line(state="DEADLINE"), Over(0, None, "DEADLINE")),
        (line(state="LEVITATING", reason="Magic"), Running("n1", "LEVITATING (Magic)")),
    ],
)  # fmt: skip
def test_each_word_of_squeue_is_a_state(text: str, state: State) -> None:
    assert state_of(text) == state


@pytest.mark.parametrize(
    ("reason", "is_stuck"),
    [
        *((reason, True) for reason in (
            "JobHeldUser", "JobHeldAdmin", "launch failed requeued held", "job requeued in held state",
            "PartitionTimeLimit", "PartitionNodeLimit", "PartitionDown", "PartitionInactive", "BadConstraints",
            "DependencyNeverSatisfied", "InvalidQOS", "InvalidAccount", "QOSNotAllowed",
            "QOSMaxWallDurationPerJobLimit", "AssocMaxCpuPerJobLimit", "AssocGrpCPUMinutesLimit", "ReservationDeleted",
        )),
        *((reason, False) for reason in (
            "None", "Priority", "Resources", "Dependency", "BeginTime", "JobArrayTaskLimit", "QOSMaxJobsPerUserLimit",
            "AssocGrpJobsLimit", "AssocGrpCpuLimit", "QOSMaxSubmitJobPerUserLimit", "Licenses", "Reservation",
            "NodeDown", "ReqNodeNotAvail, UnavailableNodes:n1", "Nodes required for job are DOWN, DRAINED or reserved",
        )),
    ],
)  # fmt: skip
def test_what_does_not_start_by_itself_is_told_from_what_has_to_wait(reason: str, is_stuck: bool) -> None:
    state = state_of(line(state="PENDING", node="n/a", reason=reason))
    assert isinstance(state, Waiting)
    assert state.is_stuck == is_stuck


def test_every_state_of_the_manual_is_known() -> None:
    """Those of squeue(1), "JOB STATE CODES", 22.05."""
    manual = """BOOT_FAIL CANCELLED COMPLETED CONFIGURING COMPLETING DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PENDING
    PREEMPTED RUNNING RESV_DEL_HOLD REQUEUE_FED REQUEUE_HOLD REQUEUED RESIZING REVOKED SIGNALING SPECIAL_EXIT STAGE_OUT
    STOPPED SUSPENDED TIMEOUT"""
    assert set(manual.split()) <= {word for words in STATES.values() for word in words}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CLUSTER: other",
        "slurm_load_jobs error: Unable to contact slurm controller",
        line(name="training"),
        line(name="sl-9999999999-b1"),
        line(name=f"sl-{SWEEP}-"),
        line(name=f"sl-{SWEEP}-b1@x"),
        line(name=f"xsl-{SWEEP}-b1"),
        line(index="N/A"),
        line(index="[0-3]"),
        line(name="we|ird"),
        line()[:-1],
    ],
)
def test_lines_of_anything_else_are_passed_over(text: str) -> None:
    assert QueueReader(SWEEP).read(text + "\n" + line()) == QueueReader(SWEEP).read(line())


def test_an_array_that_begins_later_counts_its_groups_from_there() -> None:
    (job,) = QueueReader(SWEEP).read(line(name=job_name(SWEEP, "b1", 1000), index=7))
    assert job.place == Place("b1", 1007)
    assert (job.array, job.index) == (7, 7)


@pytest.mark.parametrize("batch", ["b1", "b-1", "2026-11-27.1", "x+1000", "=a".lstrip("="), "a" * 100])
def test_any_name_of_a_batch_comes_back_from_the_name_of_a_job(batch: str) -> None:
    for offset in (0, 1000):
        (job,) = QueueReader(SWEEP).read(line(name=job_name(SWEEP, batch, offset), index=0))
        assert job.place == Place(batch, offset)


def test_of_several_jobs_of_a_group_the_live_counts_whatever_its_id() -> None:
    """Job ids begin again at 1 after the highest, so that of a successor may be lower."""
    lines = [
        line(job=66, array=66, state="TIMEOUT", code="0:15"),
        line(job=2, array=2, state="PENDING", reason="Dependency"),
        line(job=67, array=67, index=4, state="RUNNING"),
        line(job=68, array=68, index=4, state="PENDING", reason="Dependency"),
        line(job=3, array=3, index=5, state="FAILED", code="256"),
        line(job=4, array=4, index=5, state="COMPLETED"),
    ]
    found = {place.number: job.state for place, job in newest(QueueReader(SWEEP).read("\n".join(lines))).items()}
    assert found == {3: Waiting("Dependency"), 4: Running("n1"), 5: Over(0, None, "COMPLETED")}


def test_what_slurm_says_is_made_safe_to_print() -> None:
    state = state_of(line(state="PENDING", reason="\x1b[31m" + "x" * 500))
    assert isinstance(state, Waiting)
    assert "\x1b" not in state.why
    assert len(state.why) <= 110


def test_what_squeue_says_again_is_the_same_job_and_what_it_says_no_more_is_none() -> None:
    reader = QueueReader(SWEEP)
    first, second = line(index=1, state="PENDING"), line(index=2, state="RUNNING")
    waiting, _ = reader.read(f"{first}\n{second}")
    assert reader.read(first) == [waiting]
    assert reader.read(f"{first}\n{second}")[0] is waiting
    assert reader.read("") == []
