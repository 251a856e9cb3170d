"""Lets the script of an attempt begin when that of the attempt before has ended.

A function writes into files of its attempt. A script writes into its log and into its folder, `{dir}`, which all
attempts of an experiment share: the lines of a script that lives on would be taken for those of the next. The attempt
before is over when its supervisor has written its end, as on a node that was cut off and sees the new claim, or when no
sign of life has come for three beats.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from launcher.store.attempt_files import AttemptFiles
from launcher.store.beats import SILENT_BEATS, BeatFile, BeatWatch
from launcher.store.cluster_paths import ClusterPaths
from launcher.supervisor.output import say

_LOOK_S = 1.0  # between two listings, at most


class Predecessors:
    """The attempts before those of a group. All are watched from the first call on: a node that died had them all."""

    def __init__(self, outcome: Path) -> None:
        self._watch = BeatWatch(ClusterPaths(outcome).beats)

    def await_end(self, files: AttemptFiles, experiment: str, attempt: int, beat: BeatFile, beat_s: float) -> None:
        """Wait until the attempt before this is over, and give signs of life meanwhile.

        `files`: as they were at the claim. `beat`, `beat_s`: of this attempt; those before had the same interval.
        """
        before = max((number for number in files.claims if number < attempt), default=0)
        has_told = False
        while before and before not in AttemptFiles.look(files.folder).ends:
            now_s = time.monotonic()
            self._watch.look(now_s)
            silent_s = self._watch.silent_s(experiment, before, now_s)
            if silent_s is None or silent_s >= SILENT_BEATS * beat_s:
                return
            if not has_told:
                has_told = True
                say(f"{experiment}: attempt {before} has written no end; whether it lives is known in a moment.")
            with contextlib.suppress(OSError):  # told at the next beat
                beat.move_on(0, 0, "starts")
            time.sleep(min(_LOOK_S, beat_s / 2))
