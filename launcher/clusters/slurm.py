"""Slurm as a cluster: `sbatch`, `squeue`, `scancel` and `scontrol`, and nothing else.

    submit   sbatch     an array, with an element for each group of a batch
    poll     squeue     all jobs of this user; those of this sweep are known by their names
    stop     scancel    of the batch process alone, which is the supervisor; forced: of the whole job
    adopt    squeue

Nothing is asked of `sacct`: many sites have no accounting, or answer it slowly. A job that squeue has forgotten, after
five minutes on most sites, is missing from the answer of `poll`.

A ticket is `<batch>:<number of the group>`. It holds for all jobs of a group: the first, the same job requeued, and its
successor after the time limit.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher.clusters import slurm_cancel, slurm_options, slurm_refusals
from launcher.clusters.base import Group, NotHeard, Over, Place, Refused, State, Ticket
from launcher.clusters.node_script import PROGRAM
from launcher.clusters.settings import ClusterSettings
from launcher.clusters.slurm_arrays import SlurmJobs, block_size, room_beside
from launcher.clusters.slurm_commands import LIMIT_S, Answer, SlurmCommands
from launcher.clusters.slurm_plan import SlurmAnswer, SlurmPlan, read_test
from launcher.clusters.slurm_refusals import Refusal
from launcher.clusters.slurm_states import LINE, QueuedJob, QueueReader, WaitingElements, newest
from launcher.errors import InputError
from launcher.text import inline

_CANCELLED = Over(why="CANCELLED, it seems: it is no longer in the queue", was_cancelled=True)
_SHRINK = 4  # an array that is refused is tried again with so many times fewer groups


class SlurmCluster:
    """The jobs of a sweep on Slurm. It fulfils `Cluster`.

    settings: with `gpus` and `cpus` as an experiment gets them.
    grace_s: of [sweep].
    requeue: whether jobs are requeued, if the settings do not say it: whether experiments can go on from a checkpoint.
    submits_successor: at the time limit a job submits another, which goes on; by default where the settings name one.
    folder: the working directory of the jobs; by default that of this process.
    program: what runs a group; it gets the outcome folder, the batch and the number of the group.
    """

    name = "slurm"

    def __init__(
        self,
        settings: ClusterSettings,
        outcome: Path,
        *,
        grace_s: float = 30.0,
        requeue: bool = True,
        submits_successor: bool | None = None,
        folder: Path | None = None,
        program: Sequence[str] = PROGRAM,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._jobs = SlurmJobs(
            settings=settings,
            outcome=outcome,
            folder=folder or Path.cwd(),
            grace_s=grace_s,
            requeue=requeue if settings.requeue is None else settings.requeue,
            submits_successor=settings.seconds is not None if submits_successor is None else submits_successor,
            program=program,
        )
        self._commands = SlurmCommands(slurm_options.clusters(settings.extra), limit_s)
        self._reader = QueueReader(self._jobs.sweep_id)
        self._tickets: set[Ticket] = set()
        self._waiting = WaitingElements()

    def check(self) -> None:
        """Make sure that there is a Slurm which answers, and that it would take jobs with the needs of the table."""
        jobs = self._jobs
        problems = slurm_options.problems(jobs.settings, grace_s=jobs.grace_s)
        if any(character in str(jobs.outcome.absolute()) for character in "\\\0"):
            problems.append(f'--on slurm: outcome "{inline(str(jobs.outcome))}": Slurm takes no path with a backslash')
        if shutil.which("sbatch") is None:
            problems.append("--on slurm: there is no sbatch on this machine. Run this on a login node")
        if problems:
            raise InputError(problems)
        try:
            self._learn(self._ask("scontrol", "show", "config").out)
            test = self._test()
        except NotHeard as silence:
            raise InputError(f"--on slurm: Slurm does not answer. {silence}. Try: sinfo") from silence
        if test.code and slurm_refusals.judge(test.words) is Refusal.NEVER:
            raise InputError(self._never(test))

    def submit(self, batch: str, groups: Sequence[Group]) -> list[Ticket | Refused]:
        """Submit the groups of a batch as arrays. What is over a limit of submitted jobs is refused."""
        self._jobs.write_scripts(batch, len(groups))
        number, size, refused, (room, after) = 0, max(len(groups), 1), Refused(""), self._room()
        while number < len(groups) and size:
            block_end = self._jobs.offset(number) + self._jobs.block
            array = range(number, min(number + size, len(groups), block_end))
            answer = self._sbatch(batch, array, room, after)
            if isinstance(answer, Refused):
                refused, size = answer, len(array) // _SHRINK
                continue
            self._tickets |= {_ticket(Place(batch, group)) for group in array}
            number = array.stop
            after = str(answer or "") if room else ""  # `%` holds for one array
        taken = [_ticket(Place(batch, group)) for group in range(number)]
        return [*taken, *[refused] * (len(groups) - number)]

    def poll(self) -> Mapping[Ticket, State]:
        """Ask for all jobs at once."""
        queue = self._queue()
        jobs = newest(queue)
        states = {_ticket(place): job.state for place, job in jobs.items()}
        states |= dict.fromkeys(map(_ticket, self._waiting.cancelled(queue, jobs)), _CANCELLED)
        return {ticket: state for ticket, state in states.items() if ticket in self._tickets}

    def stop(self, tickets: Sequence[Ticket], *, force: bool) -> None:
        """Send SIGTERM to the supervisors that run, cancel what waits. With `force` all is cancelled.

        A job that starts between the question and the command is cancelled as a whole; its worker goes on later from
        its last checkpoint.
        """
        asked = set(tickets)
        live = [job for job in self._queue() if job.kind != "over" and _ticket(job.place) in asked]
        whole = [job for job in live if force or job.kind == "waiting"]
        slurm_cancel.end_jobs(self._commands, whole)
        slurm_cancel.signal_supervisors(self._commands, [job for job in live if job not in whole])

    def avoid(self, node: str) -> None:
        """Have later arrays leave a node out."""
        self._jobs = dataclasses.replace(self._jobs, avoided=(*self._jobs.avoided, node))

    def adopt(self) -> dict[Ticket, Place]:
        """Find the jobs of this sweep by their names."""
        found = {_ticket(job.place): job.place for job in self._queue() if job.kind != "over"}
        self._tickets |= found.keys()
        return found

    def close(self) -> None:
        """Nothing is held."""

    def describe(self, num_groups: int, batch: str = "BATCH") -> SlurmPlan:
        """Return what `submit` would do. Nothing is asked."""
        blocks = self._jobs.blocks(num_groups)
        command = ["sbatch", *self._jobs.array(batch, blocks[0], self._jobs.settings.at_once)] if blocks else []
        return SlurmPlan(command, self._jobs.script(batch, 0), len(blocks), num_groups, self._jobs.settings.at_once)

    def preview(self, num_groups: int) -> list[str]:
        """Return what `submit` would do with so many groups, as lines for a person."""
        if problems := slurm_options.problems(self._jobs.settings, grace_s=self._jobs.grace_s):
            raise InputError(problems)
        return self.describe(num_groups).lines() if num_groups else []

    def answers(self) -> list[str]:
        """Ask Slurm for partitions and limits, and whether it would take a job of this sweep."""
        self.check()
        return self.ask().lines()

    def ask(self) -> SlurmAnswer:
        """Ask Slurm for its partitions and limits, and whether it would take a job of this sweep.

        Raises:
            NotHeard: no answer.
        """
        limits = self._learn(self._ask("scontrol", "show", "config").out)
        partitions = self._ask("sinfo", "-h", "-o", "%P: %D nodes, %c CPUs, %m MB, %G, time limit %l, %t").out
        test = self._test()
        return SlurmAnswer(
            [inline(text) for text in partitions.splitlines()], limits, *read_test(test.code, test.words)
        )

    def _test(self) -> Answer:
        """Ask whether Slurm would take a job like those of this sweep."""
        line = ["--test-only", *slurm_options.needs(self._jobs.settings), *self._jobs.settings.extra]
        test = self._commands.sbatch([*line, "--wrap=true"])
        self._raise_if_silent(test)
        return test

    def _learn(self, config: str) -> dict[str, int]:
        """Return the limits in what `scontrol show config` prints, and keep the size of arrays."""
        found = re.findall(r"^(MaxArraySize|MaxJobCount|MinJobAge|KillWait)\s*=\s*(\d{1,9})\b", config, re.M)
        limits = {name: int(value) for name, value in found}
        size = limits.get("MaxArraySize")
        if size is not None and size < 1:
            raise InputError("--on slurm: this Slurm takes no job arrays: its MaxArraySize is 0")
        if size is not None:
            self._jobs = dataclasses.replace(self._jobs, block=block_size(size))
        return limits

    def _room(self) -> tuple[int | None, str]:
        """Return how many more jobs may run together, and the arrays that must be over first; None: any number."""
        at_once = self._jobs.settings.at_once
        if at_once is None:
            return None, ""
        return room_beside(self._queue(), at_once)

    def _sbatch(self, batch: str, array: range, room: int | None, after: str) -> int | Refused:
        """Submit one array; return its job id, or 0 if sbatch does not say it."""
        try:
            answer = self._commands.sbatch(self._jobs.array(batch, array, room, after))
        except NotHeard as silence:  # sbatch waits for a minute and more where the controller has too many jobs
            if slurm_refusals.judge(str(silence)) is Refusal.LATER:
                return Refused(str(silence))
            raise
        if answer.code == 0:
            match = re.search(r"^(\d+)(;.*)?$", answer.out.strip(), re.M)
            return int(match[1]) if match else 0
        judged = slurm_refusals.judge(answer.words)
        if judged is Refusal.SILENT:
            raise NotHeard(answer.words)
        if judged is Refusal.LATER or (judged is Refusal.SMALLER and len(array) > 1):
            return Refused(answer.words)
        raise InputError(self._never(answer))

    def _never(self, answer: Answer) -> str:
        given = slurm_options.given(self._jobs.settings)
        keys = slurm_refusals.causes(answer.words, given)
        told = ", ".join(f"{key} = {_toml(given[key])}" for key in keys)
        cause = f" The job file says, in [cluster]: {told}." if told else ""
        return f"--on slurm: sbatch takes no such job: {answer.words}.{cause}"

    def _queue(self) -> list[QueuedJob]:
        answer = self._ask("squeue", "-h", "-r", "-t", "all", "-u", str(os.getuid()), "-O", LINE)
        return self._reader.read(answer.out)

    def _ask(self, program: str, *arguments: str) -> Answer:
        answer = self._commands.ask(program, *arguments)
        if answer.code:
            raise NotHeard(f"{program}: {answer.words or f'exit code {answer.code}'}")
        return answer

    def _raise_if_silent(self, answer: Answer) -> None:
        if answer.code and slurm_refusals.judge(answer.words) is Refusal.SILENT:
            raise NotHeard(f"sbatch: {answer.words}")


def _ticket(place: Place) -> Ticket:
    return f"{place.batch}:{place.number}"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{inline(value)}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
