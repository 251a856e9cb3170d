"""The signs of life of an attempt: its beat, its records on disk, and whether it still counts.

Nothing here ends training: a folder that cannot be written is told, and tried again at the next beat.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Literal

from launcher.store.beats import BeatFile
from launcher.store.claims import listed_files
from launcher.store.files import open_to_read
from launcher.store.last_records import LastRecords
from launcher.supervisor.opening import Owned
from launcher.supervisor.output import say

Standing = Literal["ours", "asked", "taken", "gone", "unknown"]


class LifeSigns:
    """Gives the signs of life of one attempt, from its claim to its end."""

    def __init__(self, owned: Owned) -> None:
        self._beat: BeatFile = owned.beat
        self._beat_s = owned.order.beat_s
        self._folder = owned.folder
        self._name, self._attempt = owned.spec.experiment, owned.spec.attempt
        self._records = owned.spec.paths.records(self._name)
        self._due_s = time.monotonic() + self._beat_s
        self._fd = -1
        self._num_bytes = self._synced_bytes = 0
        self._phase = "starts"
        self._told: set[str] = set()

    def is_due(self, now_s: float, phase: str) -> bool:
        """Return whether it is time for a beat: at once in another phase, except for a checkpoint, which is short."""
        is_another = phase != self._phase and {phase, self._phase} != {"trains", "saves"}
        return is_another or now_s >= self._due_s

    def give(self, now_s: float, step: int, phase: str) -> Standing:
        """Write records through to the disk, give a beat, and look whether the claim still counts."""
        self._due_s, self._phase = now_s + self._beat_s, phase
        if phase != "prepares":  # until then there is no worker that records
            self.sync()
        with self._telling("no sign of life can be given"):
            self._beat.move_on(self._num_bytes, step, phase)
        return self._standing()

    def _standing(self) -> Standing:
        for _ in range(2):  # a claim that is not found is looked for twice
            try:
                found = listed_files(self._folder)
            except OSError:
                return "unknown"
            if self._attempt in found.claims:
                is_ours = self._attempt == found.newest_claim
                return "taken" if not is_ours else "asked" if self._attempt in found.stops else "ours"
        return "gone"

    def sync(self) -> None:
        """Have the kernel write the records to the disk, or to the server: the death of the node then leaves them.

        The worker does not wait for it. The descriptor is another than the worker's, and the file the same.
        """
        with self._telling("records cannot be written through to the disk"):
            if self._fd < 0:
                self._fd = open_to_read(self._records)
            size = self._num_bytes = os.fstat(self._fd).st_size
            if size != self._synced_bytes:
                os.fdatasync(self._fd)
                self._synced_bytes = size

    def last_records(self) -> LastRecords | None:
        """Return the last records, which are complete; None if they cannot be read."""
        with contextlib.suppress(OSError):
            return LastRecords.of(self._fd)
        return None

    def close(self) -> None:
        """Remove the beat, after the end was written."""
        with self._telling("its sign of life cannot be removed"):
            self._beat.remove()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @contextlib.contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Tell an error once, but for a record file that is not there yet."""
        try:
            yield
        except FileNotFoundError:
            pass
        except OSError as error:
            if what not in self._told:
                self._told.add(what)
                say(f"{self._name}: {what}: {error}. It is tried again; training goes on.")
