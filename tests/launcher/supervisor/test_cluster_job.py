"""What a supervisor knows of its job, and how it asks for a further one."""

from __future__ import annotations

import json

from launcher.supervisor.cluster_job import ClusterJob


def test_the_environment_names_the_job() -> None:
    assert ClusterJob.of({"LAUNCHER_TICKET": "b:3"}).ticket == "b:3"
    slurm = {"SLURM_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "4", "SLURM_RESTART_COUNT": "2", "SLURMD_NODENAME": "n1"}
    job = ClusterJob.of(slurm | {"LAUNCHER_TICKET": "b:3"})
    assert (job.ticket, job.num_restarts, job.node) == ("b:3:17:4", 2, "n1")
    empty = ClusterJob.of({"SLURM_RESTART_COUNT": "x", "LAUNCHER_RESUBMIT": "{"})
    assert (empty.ticket, empty.num_restarts, empty.resubmit) == ("", 0, ())
    assert empty.node


def test_a_further_job_is_asked_for_by_the_command_of_the_environment() -> None:
    def submit(*argv: str) -> tuple[str, str]:
        return ClusterJob.of({"LAUNCHER_RESUBMIT": json.dumps(argv)}).submit_successor()

    assert submit("echo", "18;cluster") == ("18", "")
    assert submit("true") == ("unknown", "")
    assert submit("sh", "-c", "echo no such partition >&2; exit 1") == (
        "",
        "sh ended with exit code 1: no such partition",
    )
    ticket, why = submit("/no/such/program")
    assert not ticket
    assert "No such file" in why
    assert "no command" in ClusterJob().submit_successor()[1]
