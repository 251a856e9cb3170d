"""Asks Slurm by its own commands, each with a time limit. They die with the launcher, and no Ctrl-C reaches them."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.child_process import ChildProcess, start_program
from launcher.clusters.base import NotHeard
from launcher.text import inline

LIMIT_S = 60.0
_SETTLE_S = 1.0  # from the first request that is to be tried again to the last
_MOST_CHARACTERS = 1000  # of what a command says, in a message
# They change what squeue prints and what scancel cancels. sbatch's own variables are the user's defaults and stay, but
# for those that would change what it is asked here.
_CHANGES = re.compile(r"(SQUEUE|SCANCEL|SINFO)_.*|SBATCH_(WAIT|WAIT_ALL_NODES|ARRAY_INX|JOB_NAME|OUTPUT|ERROR|INPUT)")


@dataclass(frozen=True)
class Answer:
    """What a command of Slurm said."""

    code: int
    out: str
    words: str  # of its standard error, in one line


class SlurmCommands:
    """The commands of Slurm.

    clusters: what `--clusters` names in the job file: the cluster that is asked; empty: the cluster of this machine.
    """

    def __init__(self, clusters: str = "", limit_s: float = LIMIT_S) -> None:
        self._clusters = ["-M", clusters] if clusters else []
        self._limit_s = limit_s

    def sbatch(self, arguments: Sequence[str]) -> Answer:
        """Run sbatch. Its arguments name the cluster themselves, as they have all of `extra`.

        Raises:
            NotHeard: no answer within the time limit.
        """
        return self._run(["sbatch", *arguments])

    def ask(self, program: str, *arguments: str) -> Answer:
        """Run squeue, scancel, sinfo or scontrol.

        Raises:
            NotHeard: no answer within the time limit.
        """
        return self._run([program, *self._clusters, *arguments])

    def ask_once(self, program: str, *arguments: str, retry: str, most: int) -> Answer:
        """Run a command that tries again by itself, and end it before it does. Its words are those of its errors.

        retry: what the command writes to standard error before it waits for another try. most: how often it writes that
            before the first second try: once for each job.

        Raises:
            NotHeard: no answer within the time limit.
        """
        child = _start([program, *self._clusters, *arguments])
        said, num_retries, ends_s = b"", 0, time.monotonic() + self._limit_s
        poll = select.poll()
        poll.register(child.stderr, select.POLLIN)
        try:
            while num_retries < most and poll.poll(max(0.0, ends_s - time.monotonic()) * 1000):
                piece = os.read(child.stderr.fileno(), 1 << 16)
                if not piece:
                    return Answer(child.process.wait(self._limit_s), "", _one_line(said, only="error"))
                said += piece
                if num_retries == 0 and retry.encode() in said:
                    ends_s = min(ends_s, time.monotonic() + _SETTLE_S)
                num_retries = said.count(retry.encode())
            if not num_retries:
                raise _silence(program, self._limit_s, said)
            return Answer(0, "", _one_line(said, only="error"))
        except subprocess.TimeoutExpired:
            raise _silence(program, self._limit_s, said) from None
        finally:
            child.end()

    def _run(self, words: Sequence[str]) -> Answer:
        child = _start(words)
        try:
            out, err = child.communicate(limit_s=self._limit_s)
        except subprocess.TimeoutExpired as silence:
            raise _silence(words[0], self._limit_s, silence.stderr or b"") from None
        code = child.process.returncode
        return Answer(code, out.decode(errors="replace"), _one_line(err) or _one_line(out) if code else _one_line(err))


def _start(words: Sequence[str]) -> ChildProcess:
    environment = {name: value for name, value in os.environ.items() if not _CHANGES.fullmatch(name)}
    try:
        return start_program(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, environment=environment)
    except OSError as error:
        raise NotHeard(f"{words[0]} cannot be started: {error.strerror}") from error


def _silence(program: str, limit_s: float, said: bytes) -> NotHeard:
    words = _one_line(said)
    return NotHeard(f"{program}: no answer within {limit_s:g} s" + (f": {words}" if words else ""))


def _one_line(said: bytes, only: str = "") -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    return inline("; ".join(line for line in lines if line and only in line), _MOST_CHARACTERS)
