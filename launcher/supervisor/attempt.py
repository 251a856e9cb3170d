"""One attempt on a node: its worker, its log, its signs of life, and how it ended."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from launcher.devices.slot_set import SlotSet
from launcher.engine.attempt_ending import SUPERSEDED
from launcher.engine.follower import Follower
from launcher.engine.notices import Notices
from launcher.errors import LauncherError
from launcher.executors.base import Demand, Executor, Handle, NotReady, WorkerExited
from launcher.sinks.text_log import text_log
from launcher.store.attempt_files import AttemptEnding
from launcher.store.ending import EndingKind
from launcher.store.record_summary import RecordSummary
from launcher.supervisor.conclusion import NO_PROGRESS, conclude
from launcher.supervisor.end_file import EndFile
from launcher.supervisor.hang import HangWatch
from launcher.supervisor.life_signs import LifeSigns
from launcher.supervisor.opening import ANOTHERS, DONE, FAILED, Owned
from launcher.supervisor.output import say
from launcher.supervisor.placing import spec_on_node

_READ_S = 1.0  # between two looks at the records of a worker that writes all the time
_LATE_SIGNAL_S = 1.0  # a cluster signals all processes of a job: the worker's end may be seen before the signal


class SupervisedAttempt:
    """One attempt, from its start on this node until its end is written."""

    def __init__(self, owned: Owned, slots: SlotSet, node: str) -> None:
        self.spec = spec_on_node(owned.spec, slots)
        self.order = owned.order
        self.ending: AttemptEnding | None = None  # once it is known
        self.is_over = False  # the end was written, or never will be
        self.code = FAILED
        self._owned = owned
        self._slots = slots
        self._node = node
        self._signs = LifeSigns(owned)
        self._follower = self._make_follower()
        self._worker: Handle | None = None
        self._exited: WorkerExited | None = None
        self._history: RecordSummary | None = None  # as it was read last
        self._has_news = True
        self._read_at_s = 0.0
        self._began_s = self._exited_s = time.monotonic()
        self._last_record_s = math.inf  # when the last record was seen
        self._force_at_s = math.inf
        self._hang = HangWatch(self.spec, self.order.kill_after_s)
        self._asked = ""
        self._is_forced = False
        self._is_taken = False  # another attempt counts
        self._is_gone = False  # its claim was removed
        self._end_file = EndFile(owned.folder, self.name, self.spec.attempt)

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
        return Follower(
            self.spec.paths,
            say,
            self.order.metrics,
            lambda: Notices(self.order.metrics, is_stopped=self.spec.watched is not None),
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
        self._follower.open(self.spec, self._slots.about_devices, is_there=self._owned.has_records)
        if why := self._follower.summary(self.name).obstacle:
            worker.discard()
            self.refuse(why)
            return
        worker.begin()
        self._worker, self._began_s = worker, time.monotonic()
        say(f"{self.name}: attempt {self.spec.attempt} started on {self._slots}, {worker.label}")

    def refuse(self, why: str) -> None:
        """End the attempt without a worker."""
        self._end(AttemptEnding(node=self._node, refused=why))

    def ask(self, why: str) -> None:
        """Ask the worker to save and end within the grace time, unless it was asked before."""
        now_s = time.monotonic()
        if self.ending is not None or self._asked:
            return
        if now_s - self._last_record_s < _LATE_SIGNAL_S or self._last_record_s == math.inf:
            self._asked = why
        self._force_at_s = min(self._force_at_s, now_s + self.order.grace_s)
        if self._worker is None:
            verdict = NO_PROGRESS if why == "limit" and self._owned.goes_on else ""
            self._end(AttemptEnding(node=self._node, asked=why, verdict=verdict))
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

    def heard(self) -> None:
        """Take in that the worker has probably written records."""
        self._has_news = True

    def tick(self, now_s: float, phase: str = "") -> None:
        """Read the records, give a sign of life if it is time to, and conclude if the worker is gone.

        `phase`: a word for what is done, as long as there is no worker.
        """
        if self.is_over:
            return
        is_due = self._signs.is_due(now_s, phase or self._phase)
        has_news = is_due or self._exited is not None or (self._has_news and now_s >= self._read_at_s)
        if has_news and self._worker is not None and self.ending is None and not self._is_taken:
            self._read(now_s)
        if self._worker is not None and self._exited is None and not self._asked:
            self._force_at_s = min(self._force_at_s, self._hang.due_s(self._worker, self._follower, now_s))
        if now_s >= self._force_at_s:
            self.kill()
        if not self._is_taken and self._signs.is_due(now_s, phase or self._phase):
            self._take_standing(self._signs.give(now_s, self._last_step, phase or self._phase))
        if self._exited is not None and self.ending is None and self._is_sure(now_s):
            self._conclude(self._exited)

    def _read(self, now_s: float) -> None:
        """Read what the worker has recorded. Each time the file is opened, so it is not done too often."""
        self._has_news, self._read_at_s = False, now_s + _READ_S
        history = self._history = self._follower.read(self.name)
        if history.end is not None and self._last_record_s == math.inf:
            # If the exit of the worker hangs, the attempt must not last for ever.
            self._last_record_s, self._force_at_s = now_s, min(self._force_at_s, now_s + self.order.grace_s)

    @property
    def _last_step(self) -> int:
        return self._owned.last_step if self._history is None else self._history.last_step

    @property
    def _phase(self) -> str:
        history = self._history
        if self.ending is not None or self._asked or self._last_record_s < math.inf:
            return "ends"
        if history is None or history.phase == "in set-up":
            return "starts"
        return "saves" if history.phase.startswith("in the checkpoint") else "trains"

    def _take_standing(self, standing: str) -> None:
        """Ask the worker to end, if a launch has; end it if another attempt counts now, or the claim is gone."""
        if standing == "asked":
            self.ask("stop")
        if standing in ("taken", "gone"):
            self._is_taken = True
            say(f"{self.name}: attempt {self.spec.attempt} counts no more, its worker is ended.")
            self._is_gone = standing == "gone"
            self.kill()
            if self.waits_to_start:
                self._end(AttemptEnding(node=self._node, asked=SUPERSEDED))

    def _is_sure(self, now_s: float) -> bool:
        """Return whether the end is understood: the signal that ended the worker may come here in a moment."""
        end = self._history.end if self._history is not None else None
        is_done = end is not None and end["ending"] == EndingKind.DONE
        return bool(self._asked) or self._is_forced or is_done or now_s - self._exited_s >= _LATE_SIGNAL_S

    def _conclude(self, event: WorkerExited) -> None:
        ended = AttemptEnding(
            node=self._node,
            code=event.exit.code,
            signal=event.exit.signal,
            asked=SUPERSEDED if self._is_taken else self._asked,
            was_forced=self._is_forced,
            hung_s=self._hang.hung_s,
            was_memory_short=event.exit.was_memory_short,
            seconds=self._exited_s - self._began_s,
            last_word=event.last_word,
            peak_gpu_bytes=event.peak_gpu_bytes,
        )
        if self._is_taken:
            self._end(ended)
            return
        ended, ending = conclude(self._owned, ended, self._follower)
        self._signs.sync()
        say(f"{self.name}: {ending}, {ended.seconds:.1f} s")
        self.code = DONE if ending.kind.is_kept else FAILED
        self._end(replace(ended, last_records=self._signs.last_records()))

    def _end(self, ended: AttemptEnding) -> None:
        self.ending, self.code = ended, ANOTHERS if self._is_taken else self.code
        if ended.refused:
            say(f"{self.name}: attempt {self.spec.attempt} is refused: {ended.refused}")

    def write_end(self) -> None:
        """Write the end of the attempt, if it is time to, and remove its beat. Nothing is written without a claim."""
        assert self.ending is not None, "the attempt has ended"
        if not self.is_over and (self._is_gone or self._end_file.write(self.ending)):
            self._signs.close()
            self.is_over = True
