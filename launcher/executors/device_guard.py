"""Decides which experiment may start on which slot of this machine now, and notices devices that are gone.

`launcher.devices.admission` has the rules about memory, and `launcher.devices.query` asks the driver. The guard adds
what both need: which of our workers is on which device, and how much memory each was promised.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from launcher.devices.admission import DeviceUsage, ForeignProcess, OwnWorker, refusal
from launcher.devices.device import AMD, Device
from launcher.devices.query import DeviceLost, DeviceMemory, DriverQuery, DriverSilent, owner_uid
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.executors.base import Demand, Refusal, SlotsGone
from launcher.executors.process_tree import owner

# Errors of a worker which say that its card is broken, though the driver still answers for the card.
_BROKEN = re.compile("uncorrectable ECC|no CUDA-capable device|GPU has fallen off the bus", re.IGNORECASE)


@dataclass
class _Worker:
    places: frozenset[str]
    pid: int  # which is also the number of its session
    demand: Demand
    has_settled: bool = False


class DeviceGuard:
    """The devices of a launch and our workers on them.

    With `may_choose` an experiment may run on any slot. An experiment that is too large for a card then waits for a
    larger card.
    """

    def __init__(self, slots: Sequence[Slot], *, may_choose: bool) -> None:
        self._slots = slots
        self._may_choose = may_choose
        self._driver = DriverQuery()
        self._workers: dict[str, _Worker] = {}
        self._gone: set[str] = set()  # places of devices that are lost or set aside
        self._answers: dict[str, DeviceMemory | None] = {}  # by UUID: what the driver has said since the last refresh

    def refusal(self, experiment: str, slots: Sequence[int], demand: Demand) -> Refusal | None:
        """Return why an experiment cannot start on these slots now; None if it can. It needs all of them.

        The refusal names each slot that refuses, and tells the reason of the first.
        """
        refusals = {slot: refused for slot in slots if (refused := self._refusal(slot, demand, len(slots)))}
        if not refusals:
            return None
        gone = next((refused for refused in refusals.values() if refused.gone), None)
        told = gone or next((refused for refused in refusals.values() if refused.why), Refusal())
        return replace(told, slots=tuple(refusals))

    def _refusal(self, slot: int, demand: Demand, num_slots: int) -> Refusal | None:
        """Return why an experiment that needs so many slots cannot start on this one."""
        device = self._slots[slot].device
        key = device.place
        if key in self._gone:
            return Refusal()
        try:
            usage = self._usage(device)
        except DeviceLost as error:
            return Refusal(gone=self._lose(device, f"the driver says: {error}"))
        except DriverSilent:
            return Refusal(f"{device}: the driver does not answer for it", key)
        refused = refusal(
            usage,
            self._our_workers(device),
            demand.gpu_bytes,
            is_alone=demand.is_alone,
            largest_bytes=0 if demand.is_counted else self._largest_bytes(num_slots),
        )
        return Refusal(f"{device}: {refused.reason}", key) if refused is not None else None

    def refresh(self) -> None:
        """Forget what the driver has said."""
        self._answers.clear()

    def started(self, experiment: str, slots: SlotSet, pid: int, demand: Demand) -> None:
        """Take in that a worker has started. From now on it is promised the memory it needs on each of its devices."""
        self._workers[experiment] = _Worker(slots.places, pid, demand)

    def settled(self, experiment: str) -> None:
        """Take in that a worker has taken a step: it holds all the memory it needs."""
        if (worker := self._workers.get(experiment)) is not None:
            worker.has_settled = True

    def ended(self, experiment: str) -> None:
        """Take in that a worker does nothing on its devices any more."""
        self._workers.pop(experiment, None)
        self._answers.clear()

    def check(self, slot: int, why: str) -> SlotsGone | None:
        """Look whether the device of a slot is gone, after an attempt on it has failed for the reason `why`.

        A device that the driver still knows is gone only if `why` says that it is broken, and another device is left.
        """
        device = self._slots[slot].device
        if not device.uuid or device.place in self._gone:
            return None
        try:
            self._usage(device)
        except DeviceLost as error:
            return self._lose(device, f"the driver says: {error}")
        except DriverSilent:  # the next start there waits until the driver answers
            return None
        others = {slot.device.place for slot in self._slots} - self._gone - {device.place}
        return self._lose(device, why) if _BROKEN.search(why) and others else None

    def set_aside(self, slot: int) -> None:
        """Refuse every start on the device of a slot from now on."""
        if uuid := self._slots[slot].device.uuid:
            self._gone.add(uuid)

    def close(self) -> None:
        """Release the driver library."""
        self._driver.close()

    def _answer(self, device: Device) -> DeviceMemory | None:
        if not device.uuid or device.uuid.startswith(AMD):
            return None
        if device.uuid not in self._answers:
            self._answers[device.uuid] = self._driver.ask(device.uuid)
        return self._answers[device.uuid]

    def _usage(self, device: Device) -> DeviceUsage | None:
        """Return what the driver measures on a card; our own workers do not count as foreign processes."""
        answer = self._answer(device)
        if answer is None:
            return None
        ours = {worker.pid for worker in self._workers.values()}
        foreign = [
            ForeignProcess(pid, owner_uid(pid), used)
            for pid, used in answer.processes.items()
            if owner(pid, ours) is None
        ]
        return DeviceUsage(answer.total_bytes, answer.free_bytes, foreign)

    def _our_workers(self, device: Device) -> list[OwnWorker]:
        used: Mapping[int, int | None] = {}
        with contextlib.suppress(DriverSilent, DeviceLost):
            used = answer.processes if (answer := self._answer(device)) is not None else {}
        return [
            OwnWorker(
                name, worker.demand.gpu_bytes, _used_by(worker.pid, used), worker.has_settled, worker.demand.is_alone
            )
            for name, worker in self._workers.items()
            if device.place in worker.places
        ]

    def _largest_bytes(self, num: int) -> int:
        """Return the memory of the largest usable card: an experiment too large for its card may wait for it.

        Of an experiment on `num` cards, that of the smallest of the `num` largest. 0 where experiments may not choose
        their cards.
        """
        devices = {slot.device.place: slot.device for slot in self._slots if slot.device.place not in self._gone}
        sizes = sorted((device.memory_bytes for device in devices.values()), reverse=True)
        return sizes[num - 1] if self._may_choose and len(sizes) >= num else 0

    def _lose(self, device: Device, why: str) -> SlotsGone:
        self._gone.add(device.place)
        slots = tuple(slot.index for slot in self._slots if slot.device.place == device.place)
        return SlotsGone(slots, str(device), device.uuid, why)


def _used_by(worker: int, used: Mapping[int, int | None]) -> int | None:
    """Return the memory that a worker and its children hold; None if the driver tells it of none of them."""
    known = [size for pid, size in used.items() if size is not None and owner(pid, {worker}) == worker]
    return sum(known) if known else None
