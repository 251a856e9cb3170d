"""How a launch ended: every experiment's ending, and the exit code that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from launcher.engine.classify_ending import Ending
from launcher.errors import EXIT_DONE, EXIT_FAILED, EXIT_SIGNALLED, NoDeviceError, WriteError
from launcher.store.ending import EndingKind
from launcher.store.last_records import LastRecords


@dataclass(frozen=True)
class Summary:
    """How a launch ended."""

    endings: dict[str, Ending]  # of the experiments that ran
    kept: dict[str, EndingKind]  # experiments that were not run again, each with its ending
    not_started: list[str] = field(default_factory=list)  # experiments that were to run
    signal: int | None = None  # that stopped the launch
    num_unwritten: int = 0  # lines and views that could not be written
    has_no_device: bool = False  # the last device was lost
    has_lost_folder: bool = False  # it was renamed or removed while experiments ran
    left: list[str] = field(default_factory=list)  # experiments that go on on a cluster, without the launch
    short: Mapping[str, LastRecords] = field(default_factory=dict, repr=False, compare=False)  # short record files

    @property
    def had_work(self) -> bool:
        """An experiment was to be trained."""
        return bool(self.endings or self.not_started or self.left)

    @property
    def is_done(self) -> bool:
        """Every experiment that was selected is done."""
        kinds = [ending.kind for ending in self.endings.values()]
        return not self.not_started and not self.left and {*kinds, *self.kept.values()} <= {EndingKind.DONE}

    @property
    def _has_failed(self) -> bool:
        return any(ending.kind is not EndingKind.DONE for ending in self.endings.values())

    @property
    def exit_code(self) -> int:
        """The exit code.

        0 all done, or the rest left to a cluster; 1 not all done; 4 no device; 5 a view or the folder
        is lost; 128 + signal.
        """
        if self.signal is not None:
            return EXIT_SIGNALLED + self.signal
        if self.has_lost_folder:
            return WriteError.exit_code
        if self.has_no_device and not self.endings:
            return NoDeviceError.exit_code
        if not self.is_done and not (self.left and not self.not_started and not self._has_failed):
            return EXIT_FAILED
        return WriteError.exit_code if self.num_unwritten else EXIT_DONE
