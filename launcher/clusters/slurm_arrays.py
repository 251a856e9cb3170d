"""Batches as arrays of Slurm: which groups share an array, the command that submits it, its script.

    groups 0 to 999 of the batch b1       array 0-999   named sl-<sweep>-b1
    groups 1000 to 1299                   array 0-299   named sl-<sweep>-b1@1000

The index in an array is limited by MaxArraySize, by default 1001. Arrays begin at multiples of a power of ten, so that
the index with leading zeros behind the number of the array is the number of the group: `b1_1007.out`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.clusters import slurm_options
from launcher.clusters.node_script import PROGRAM
from launcher.clusters.settings import ClusterSettings
from launcher.clusters.slurm_script import ARRAY, INDEX, BatchScript
from launcher.clusters.slurm_states import QueuedJob, job_name
from launcher.errors import WriteError
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.paths import write_atomic

# Slurm signals all processes of the job that is to run again. Its name goes to standard output. Its id would not do:
# the last element of an array has the id of the array, and all elements that run would be requeued.
_REQUEUE = (
    'trap "" TERM; job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID; scontrol requeue "$job" && echo "$job" || "$@"'
)


@dataclass(frozen=True, kw_only=True)
class SlurmJobs:
    """How the groups of a sweep become jobs.

    folder: the working directory of the jobs. grace_s: from asking a worker to stop until it is killed.
    requeue: Slurm starts a job again after preemption and the failure of a node.
    submits_successor: the supervisor is told before the time limit, and submits a job that goes on.
    block: how many groups an array has at most.
    avoided: nodes that are left out.
    """

    settings: ClusterSettings
    outcome: Path
    folder: Path
    grace_s: float = 30.0
    requeue: bool = True
    submits_successor: bool = False
    block: int = 1000  # with Slurm's own MaxArraySize, 1001
    program: Sequence[str] = PROGRAM
    avoided: tuple[str, ...] = ()

    @property
    def sweep_id(self) -> str:
        """Ten hexadecimal digits that stand for the outcome folder in the names of jobs."""
        return hashlib.sha256(os.fsencode(os.path.realpath(self.outcome))).hexdigest()[:10]

    def script_path(self, batch: str, offset: int) -> Path:
        """Return where the script of an array lies. Successors are submitted with the same file."""
        beside = ClusterPaths(self.outcome).batch(batch)
        return beside.with_name(f"{batch}@{offset}.sh" if offset else f"{batch}.sh").absolute()

    def script(self, batch: str, offset: int) -> str:
        """Return the script of an array, as text."""
        return BatchScript(
            outcome=self.outcome.absolute(),
            batch=batch,
            offset=offset,
            setup=self.settings.setup,
            successor=self._successor(batch, offset) if self.submits_successor else (),
            program=self.program,
        ).text()

    def write_scripts(self, batch: str, num_groups: int) -> None:
        """Write the scripts of the arrays of a batch.

        Raises:
            WriteError: a file cannot be written.
        """
        try:
            ClusterPaths(self.outcome).output.mkdir(parents=True, exist_ok=True)
            for block in self.blocks(num_groups):
                path = self.script_path(batch, block[0])
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(path, self.script(batch, block[0]))
        except OSError as error:
            raise WriteError(f"the batch script of {batch} cannot be written: {error}") from error

    def _successor(self, batch: str, offset: int) -> list[str]:
        """Return the command, in a job, that has Slurm start a job which goes on.

        With `at_once` that is the job itself, though Slurm holds it for two minutes: the limit holds for its array.
        Where that is forbidden, and else, it is an array of its own index alone. Not `--dependency=singleton`: that
        would wait for all other elements of the array, which have the same name.
        """
        # or the successor of a requeued job would look like a requeued job
        without = ["env", "-u", "SLURM_RESTART_COUNT"]
        after = f"--dependency=afterany:{ARRAY}_{INDEX}"
        script = str(self.script_path(batch, offset))
        another = [*without, "sbatch", *self._arguments(batch, offset, INDEX), after, script]
        return ["bash", "-c", _REQUEUE, "bash", *another] if self.settings.at_once else another

    def array(self, batch: str, groups: range, at_once: int | None = None, after: str = "") -> list[str]:
        """Return the arguments of sbatch for an array of groups. All of them lie in one block.

        at_once: so many of it run together, at most. after: the job ids of arrays that must be over first, "17:18".
        """
        offset = self.offset(groups[0])
        indices = f"{groups[0] - offset}"
        if len(groups) > 1:
            indices += f"-{groups[-1] - offset}" + (f"%{at_once}" if at_once else "")
        waits = [f"--dependency=afterany:{after}"] if after else []
        avoids = slurm_options.excluding(self.settings.extra, self.avoided)
        return [*self._arguments(batch, offset, indices), *waits, *avoids, str(self.script_path(batch, offset))]

    def offset(self, group: int) -> int:
        """Return the group that has the index 0 in the array of a group."""
        return group - group % self.block

    def blocks(self, num_groups: int) -> list[range]:
        """Return the groups of a batch as the largest arrays that the site takes."""
        return [range(start, min(start + self.block, num_groups)) for start in range(0, num_groups, self.block)]

    def _arguments(self, batch: str, offset: int, indices: str) -> list[str]:
        options = slurm_options.job_options(
            self.settings, grace_s=self.grace_s, requeue=self.requeue, tells_limit=self.submits_successor
        )
        named = [f"--job-name={job_name(self.sweep_id, batch, offset)}", f"--array={indices}"]
        places = [f"--output={self._output(batch, offset)}", f"--chdir={self.folder.absolute()}"]
        return ["--parsable", *named, *options, *places]

    def _output(self, batch: str, offset: int) -> str:
        """Return the pattern of the files with what jobs print: `%3a` is the index, at least three digits long."""
        folder = str(ClusterPaths(self.outcome).output.absolute()).replace("%", "%%")
        number = f"{offset // self.block}%{len(str(self.block)) - 1}a" if offset else "%a"
        return f"{folder}/{batch}_{number}.out"


def room_beside(queue: Iterable[QueuedJob], at_once: int) -> tuple[int, str]:
    """Return how many jobs of another array may run together, and which arrays must be over first, "17:18".

    `queue`: the jobs of the sweep. `at_once`: so many may run together.
    """
    live = [job.array for job in queue if job.kind != "over"]
    if len(live) < at_once:
        return at_once - len(live), ""
    return at_once, ":".join(map(str, sorted(set(live))))


def block_size(max_array_size: int) -> int:
    """Return how many groups an array has at most: a power of ten, as every index is below `MaxArraySize`."""
    return int(10 ** (len(str(max_array_size)) - 1))
