"""Chooses which of the experiments that wait starts next, and on which slots. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from launcher.engine.backfill import SecondsLeft, may_start
from launcher.engine.free_slots import FreeSlots
from launcher.engine.run_queue import RunQueue

WINDOW = 16  # so many waiting experiments may be tried on a slot that has refused the first; it bounds the cost


class Placer:
    """The queue of the experiments that wait, and the slots that are free for them.

    The arguments are those of the scheduler, which takes and gives back slots.
    """

    def __init__(
        self,
        experiments: Sequence[str],
        devices: Sequence[int],
        designated: Sequence[int] | None,
        needs: Mapping[str, int],
        seconds_left: SecondsLeft,
    ) -> None:
        assert designated is None or len(designated) == len(experiments), "a slot for each experiment"
        self.waiting = RunQueue(experiments)
        self.slots = FreeSlots(devices)
        self._num_slots = len(devices)
        self._designated = dict(zip(experiments, designated, strict=True)) if designated is not None else None
        self._needs = dict(needs)
        self._seconds_left = seconds_left
        self._refused: set[tuple[str, int]] = set()  # (experiment, slot), since the last change that may let them start

    @property
    def has_slots(self) -> bool:
        """So many devices are left, neither set aside nor lost, that an experiment that waits could start on them."""
        least = min((self._need(experiment) for experiment in self.waiting), default=1)
        return self.slots.num_devices >= least

    @property
    def is_held_back(self) -> bool:
        """An experiment waits though a slot is free, because its start was refused."""
        return bool(self._refused and self.waiting and self.slots)

    def add(self, experiment: str, need: int) -> None:
        """Add an experiment, which needs so many slots, behind all others."""
        self._needs[experiment] = need
        if self._designated is not None:
            self._designated[experiment] = len(self._designated) * need % self._num_slots
        self.waiting.append(experiment)

    def refuse(self, experiment: str, refused: Sequence[int], held: Sequence[int]) -> None:
        """Put an experiment back at its place, which cannot use the slots `refused` of those that it held."""
        self._refused |= {(experiment, slot) for slot in refused}
        self.waiting.put_back(experiment)
        for slot in reversed(held):
            self.slots.give_back(slot, is_next=True)

    def forget_refusals(self) -> None:
        """Try every experiment on every slot again."""
        self._refused.clear()

    def take(self, running: Callable[[], Mapping[str, Sequence[int]]]) -> tuple[str, tuple[int, ...]] | None:
        """Take out the experiment that starts next, and its slots: the first of both that was not refused.

        `running`: returns the slots of each experiment that runs.
        """
        if not (self.waiting and self.slots):
            return None
        found = self._next_designated() if self._designated is not None else self._next(running)
        if found is not None:
            self.waiting.remove(found[0])
            for slot in found[1]:
                self.slots.take(slot)
        return found

    def _next(self, running: Callable[[], Mapping[str, Sequence[int]]]) -> tuple[str, tuple[int, ...]] | None:
        starting = may_start(self.waiting.first(WINDOW), self._need, self.slots, running, self._seconds_left)
        for first in self.slots:
            for experiment in starting:
                refused = {slot for name, slot in self._refused if name == experiment} if self._refused else ()
                if (slots := self.slots.pick(self._need(experiment), first, refused)) is not None:
                    return experiment, slots
        return None

    def _next_designated(self) -> tuple[str, tuple[int, ...]] | None:
        """Return the next experiment and its own slots. A device that is lost is replaced by the next that is left."""
        assert self._designated is not None, "in sequential mode each experiment has its slots"
        for experiment in self.waiting.first(WINDOW):
            start, need = self._designated[experiment], self._need(experiment)
            own = self.slots.from_slot(start)[:need]
            if len(own) == need and not any((experiment, slot) in self._refused for slot in own):
                return experiment, tuple(own)
        return None

    def _need(self, experiment: str) -> int:
        return self._needs.get(experiment, 1)
