"""One attempt on a node: its worker, its log, its signs of life, and how it ended."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable

from launcher.devices.slot_set import SlotSet
from launcher.engine.attempt_ending import SUPERSEDED
from launcher.engine.follower import Follower
from launcher.engine.notices import Notices
from launcher.errors import LauncherError
from launcher.executors.base import Demand, Executor, Handle, NotReady, WorkerExited
from launcher.sinks.text_log import text_log
from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.ending import EndingKind
from launcher.store.record_summary import RecordSummary
from launcher.supervisor.conclusion import conclude
from launcher.supervisor.end_file import EndFile
from launcher.supervisor.life_signs import LifeSigns
from launcher.supervisor.opening import ANOTHERS, DONE, FAILED, Owned
from launcher.supervisor.placing import spec_on_node

_LATE_SIGNAL_S = 1.0  # a cluster signals all processes of a job: the worker's end may be seen before the signal


class SupervisedAttempt:
    """One attempt, from its start on this node until its end is written."""

    def __init__(self, owned: Owned, slots: SlotSet, say: Callable[[str], None]) -> None:
        self.spec = spec_on_node(owned.spec, slots)
        self.order = owned.order
        self.ending: AttemptEnding | None = None  # once it is known
        self.is_over = False  # the end was written, or never will be
        self.code = FAILED
        self._owned = owned
        self._slots = slots
        self._say = say
        self._signs = LifeSigns(owned, say)
        self._follower = self._make_follower()
        self._worker: Handle | None = None
        self._exited: WorkerExited | None = None
        self._began_s = self._exited_s = time.monotonic()
        self._last_record_s = math.inf  # when the last record was seen
        self._force_at_s = math.inf
        self._asked = ""
        self._is_forced = False
        self._is_taken = False  # another attempt counts
        self._is_gone = False  # its claim was removed
        end = AttemptFiles(owned.folder).path(self.spec.attempt, "end")
        self._end_file = EndFile(end, f"{self.name}, attempt {self.spec.attempt}", say)

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.spec.experiment

    @property
    def waits_to_start(self) -> bool:
        """It has no worker yet, and is to have one."""
        return self._worker is None and self.ending is None

    @property
    def has_hit_limit(self) -> bool:
        """It ended because of the time limit, and may go on in another job."""
        return (
            self.ending is not None and self.ending.asked == "limit" and not self.ending.verdict and self.code != DONE
        )

    def _make_follower(self) -> Follower:
        is_stopped = self.spec.watched is not None
        return Follower(
            self.spec.paths,
            self._say,
            self.order.metrics,
            lambda: Notices(self.order.metrics, is_stopped=is_stopped),
            [text_log],
            is_maximized=self.order.is_maximized,
        )

    def start(self, executor: Executor) -> None:
        """Start the worker, if that is possible now."""
        try:
            executor.tend()
            worker = executor.start(self.spec, self._slots.indices, Demand())
        except NotReady:
            return
        except (LauncherError, OSError) as error:
            self.refuse(f"its worker could not be started: {error}")
            return
        self._follower.open(self.spec, self._slots.about_devices)
        if why := self._follower.summary(self.name).obstacle:
            worker.discard()
            self.refuse(why)
            return
        worker.begin()
        self._worker, self._began_s = worker, time.monotonic()
        self._say(f"{self.name}: attempt {self.spec.attempt} started on {self._slots}, {worker.label}")

    def refuse(self, why: str) -> None:
        """End the attempt without a worker."""
        self._end(AttemptEnding(node=socket.gethostname(), refused=why))

    def ask(self, why: str) -> None:
        """Ask the worker to save and end within the grace time, unless it was asked before."""
        now_s = time.monotonic()
        if self.ending is not None or self._asked:
            return
        if now_s - self._last_record_s < _LATE_SIGNAL_S or self._last_record_s == math.inf:
            self._asked = why
        self._force_at_s = min(self._force_at_s, now_s + self.order.grace_s)
        if self._worker is None:
            self._end(AttemptEnding(node=socket.gethostname(), asked=why))
        elif self._exited is None:
            self._worker.stop(force=False)

    def kill(self) -> None:
        """End the worker and all its children at once."""
        self._is_forced, self._force_at_s = True, math.inf
        if self._worker is not None and self._exited is None:
            self._worker.stop(force=True)

    def exited(self, event: WorkerExited) -> None:
        """Take in that the worker is gone."""
        self._exited, self._exited_s = event, time.monotonic()

    def tick(self, now_s: float, phase: str = "") -> None:
        """Read the records, give a sign of life if it is time to, and conclude if the worker is gone.

        `phase`: a word for what is done, as long as there is no worker.
        """
        if self.is_over:
            return
        history = self._follower.read(self.name) if self._worker is not None and self.ending is None else None
        if history is not None and history.end is not None and self._last_record_s == math.inf:
            # If the exit of the worker hangs, the attempt must not last for ever.
            self._last_record_s, self._force_at_s = now_s, min(self._force_at_s, now_s + self.order.grace_s)
        if now_s >= self._force_at_s:
            self.kill()
        phase = phase or self._phase(history)
        if not self._is_taken and self._signs.is_due(now_s, phase):
            self._take_standing(self._signs.give(now_s, history.last_step if history else self._owned.last_step, phase))
        if self._exited is not None and self.ending is None and self._is_sure(history, now_s):
            self._conclude(self._exited)

    def _phase(self, history: RecordSummary | None) -> str:
        if self.ending is not None or self._asked or (history is not None and history.end is not None):
            return "ends"
        if history is None or history.phase == "in set-up":
            return "starts"
        return "saves" if history.phase.startswith("in the checkpoint") else "trains"

    def _take_standing(self, standing: str) -> None:
        """End the worker if another attempt counts now, or the claim is gone. Nothing more is written then."""
        if standing in ("taken", "gone"):
            self._is_taken = True
            self._say(f"{self.name}: attempt {self.spec.attempt} counts no more, its worker is ended.")
            self._is_gone = standing == "gone"
            self.kill()
            if self._worker is None:
                self._end(AttemptEnding(node=socket.gethostname(), asked=SUPERSEDED))

    def _is_sure(self, history: RecordSummary | None, now_s: float) -> bool:
        """Return whether the end is understood: the signal that ended the worker may come here in a moment."""
        is_done = history is not None and (history.end or {}).get("ending") == EndingKind.DONE
        return bool(self._asked) or self._is_forced or is_done or now_s - self._exited_s >= _LATE_SIGNAL_S

    def _conclude(self, event: WorkerExited) -> None:
        ended = AttemptEnding(
            node=socket.gethostname(),
            code=event.exit.code,
            signal=event.exit.signal,
            asked=SUPERSEDED if self._is_taken else self._asked,
            was_forced=self._is_forced,
            was_memory_short=event.exit.was_memory_short,
            seconds=self._exited_s - self._began_s,
            last_word=event.last_word,
        )
        if self._is_taken:
            self._end(ended)
            return
        ended, ending = conclude(self._owned, ended, self._follower)
        self._signs.sync()
        self._say(f"{self.name}: {ending}, {ended.seconds:.1f} s")
        self.code = DONE if ending.kind.is_kept else FAILED
        self._end(ended)

    def _end(self, ended: AttemptEnding) -> None:
        self.ending = ended
        if self._is_taken:
            self.code = ANOTHERS
        if ended.refused:
            self._say(f"{self.name}: attempt {self.spec.attempt} is refused: {ended.refused}")

    def write_end(self) -> None:
        """Write the end of the attempt, if it is time to, and remove its beat. Nothing is written without a claim."""
        assert self.ending is not None, "the attempt has ended"
        if not self.is_over and (self._is_gone or self._end_file.write(self.ending)):
            self._signs.close()
            self.is_over = True
