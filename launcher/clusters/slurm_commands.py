"""Asks Slurm by its own commands, each with a time limit. They die with the launcher, and no Ctrl-C reaches them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.child_process import start_program
from launcher.clusters.base import NotHeard
from launcher.text import inline

LIMIT_S = 60.0
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

    def _run(self, words: Sequence[str]) -> Answer:
        environment = {name: value for name, value in os.environ.items() if not _CHANGES.fullmatch(name)}
        try:
            child = start_program(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, environment=environment)
        except OSError as error:
            raise NotHeard(f"{words[0]} cannot be started: {error.strerror}") from error
        try:
            out, err = child.communicate(limit_s=self._limit_s)
        except subprocess.TimeoutExpired as silence:
            said = _one_line(silence.stderr or b"")
            raise NotHeard(
                f"{words[0]}: no answer within {self._limit_s:g} s" + (f": {said}" if said else "")
            ) from None
        code = child.process.returncode
        return Answer(code, out.decode(errors="replace"), _one_line(err) or _one_line(out) if code else _one_line(err))


def _one_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    return inline("; ".join(line for line in lines if line), _MOST_CHARACTERS)
