"""Beats: the signs of life of attempts on a cluster. A beat is a file without content whose name says it all.

    outcome/beats/lr=0.1+s2@3@17@4096@12@trains    experiment, attempt, number of the beat, bytes, step, phase

A supervisor gives its file a new name every few seconds, so a listing of the folder tells how all attempts stand, and
no file is opened or asked for its times. A reader tells life by change, and measures silence by its own clock: the
clocks of machines differ. Names that are no beats are passed over.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from launcher.store.files import MODE
from launcher.store.names import is_name

SILENT_BEATS = 3  # without a beat for so many, an attempt that nobody else knows of is over
_NAME = re.compile(r"([^@]+)@([1-9]\d{0,17})@(\d{1,18})@(\d{1,18})@(-?\d{1,18})@([a-z-]{1,20})")


class Beat(NamedTuple):
    """How an attempt stands, as its supervisor has told it last.

    number: of the beat, from 0. num_bytes: of the record file. step: the largest that was recorded.
    phase: a short word, such as "prepares", "trains", "saves" or "ends".
    """

    experiment: str
    attempt: int
    number: int = 0
    num_bytes: int = 0
    step: int = 0
    phase: str = "starts"

    @property
    def name(self) -> str:
        """The name of the file."""
        return "@".join(map(str, self))

    @classmethod
    def of_name(cls, name: str) -> Beat | None:
        """Return the beat that the name of a file tells; None if it is no name of a beat."""
        match = _NAME.fullmatch(name)
        if match is None or not is_name(match[1]):
            return None
        attempt, number, num_bytes, step = (int(match[group]) for group in range(2, 6))
        return cls(match[1], attempt, number, num_bytes, step, match[6])


def read_beats(folder: Path) -> dict[tuple[str, int], Beat]:
    """Return the beats in a folder by experiment and attempt, with one listing; none if it cannot be listed."""
    with contextlib.suppress(OSError):
        return _by_job(map(Beat.of_name, os.listdir(folder)))
    return {}


def _by_job(beats: Iterable[Beat | None]) -> dict[tuple[str, int], Beat]:
    found: dict[tuple[str, int], Beat] = {}
    for beat in filter(None, beats):
        job = beat.experiment, beat.attempt
        if job not in found or found[job].number < beat.number:  # a listing during a rename may have both names
            found[job] = beat
    return found


class BeatFile:
    """The beat of an attempt, from its supervisor's side. An error leaves it as it was; the next call tries again."""

    def __init__(self, folder: Path, experiment: str, attempt: int) -> None:
        self._folder = folder
        self._beat = Beat(experiment, attempt)
        self._path: Path | None = None  # None: the file was not made yet

    def move_on(self, num_bytes: int, step: int, phase: str) -> None:
        """Give a sign of life.

        Raises:
            OSError: the file cannot be made or renamed.
        """
        beat = self._beat._replace(number=self._beat.number + 1, num_bytes=num_bytes, step=step, phase=phase)
        path = self._folder / beat.name
        try:
            if self._path is None:
                raise FileNotFoundError
            os.rename(self._path, path)
        except FileNotFoundError:  # the first beat; or somebody has removed the file
            self._folder.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE))
        self._beat, self._path = beat, path

    def remove(self) -> None:
        """Remove the file: the attempt is over.

        Raises:
            OSError: it cannot be removed.
        """
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None


@dataclass
class _Seen:
    beat: Beat
    at_s: float


class BeatWatch:
    """Watches the beats of a folder: how attempts stand, and for how long each has given no sign of life."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[tuple[str, int], _Seen] = {}
        self._known: dict[str, Beat | None] = {}  # what the names of the last listing say; most have not changed

    def look(self, now_s: float | None = None) -> dict[tuple[str, int], Beat]:
        """List the folder once, and return the beats by experiment and attempt. `now_s`: by `time.monotonic`.

        If the folder cannot be listed now, the beats are those of the last call.
        """
        now_s = time.monotonic() if now_s is None else now_s
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            names = []
        except OSError:  # a server that is away says nothing about its files
            return {job: seen.beat for job, seen in self._seen.items()}
        known = self._known
        self._known = {name: known[name] if name in known else Beat.of_name(name) for name in names}
        beats = _by_job(self._known.values())
        for job, beat in beats.items():
            seen = self._seen.get(job)
            if seen is None or seen.beat != beat:
                self._seen[job] = _Seen(beat, now_s)
        for job in self._seen.keys() - beats.keys():
            del self._seen[job]
        return beats

    def silent_s(self, experiment: str, attempt: int, now_s: float | None = None) -> float | None:
        """Return how long the beat of an attempt has not changed, as far as `look` saw it; None if there is none."""
        now_s = time.monotonic() if now_s is None else now_s
        seen = self._seen.get((experiment, attempt))
        return None if seen is None else now_s - seen.at_s
