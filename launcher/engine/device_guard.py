"""The care of devices during a launch: which slots may start what now, why not, and which are gone.

The loop asks before each start and tells what became of it; the answers are events for the scheduler. The decision
about memory is pure and in `admission`, the questions to the driver are in `probe`; what both need to know is here:
who of ours is where, what each was measured to need, and who must run alone.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from launcher.devices.admission import GIB, DeviceUsage, ForeignProcess, OwnWorker, refusal
from launcher.devices.device import AMD, Device
from launcher.devices.query import DeviceLost, DeviceMemory, DriverQuery, DriverSilent, owner_uid
from launcher.devices.slots import Slot
from launcher.engine.classify_ending import Ending
from launcher.engine.messages import Ended, Event, Quarantined, Refused, RetryRefused, SlotsLost
from launcher.planning.batch_halving import describe_changes, halve_batch
from launcher.planning.decision import Decision
from launcher.planning.plan import Plan
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.history import History, gpu_bytes

# What torch counts is what its allocator took; CUDA's own context lies beside it, 300 to 500 MiB on cards of today.
CONTEXT_BYTES = 512 * 2**20
LOOK_S = 0.25  # between questions about what is held back
# A worker's last word that says the card is broken though the driver still answers for it.
_BROKEN = re.compile("uncorrectable ECC|no CUDA-capable device|GPU has fallen off the bus", re.IGNORECASE)
# Words of errors that a GPU, its driver or its libraries may be the cause of.
_OF_A_GPU = re.compile(r"CUDA|\bcu(DNN|BLAS|FFT|SOLVER|SPARSE|RAND)|NCCL|NVML|nvidia|\bHIP\b|ROCm|MIOpen|\bGPU\b", re.I)


@dataclass
class _Worker:
    device: str
    pid: int
    need_bytes: int | None
    is_alone: bool


class DeviceGuard:
    """The devices of one launch and the workers on them."""

    def __init__(
        self,
        plan: Plan,
        slots: Sequence[Slot],
        say: Callable[[str], None],
        note: Callable[..., None],
        has_stepped: Callable[[str], bool],
        *,
        may_choose: bool = True,
    ) -> None:
        self._slots = slots
        self._say = say
        self._note = note
        self._has_stepped = has_stepped
        self._probe = DriverQuery()
        settings = plan.sweep.settings
        self._given_bytes = None if settings.gpu_memory_gb is None else int(settings.gpu_memory_gb * GIB)
        self._on_oom = settings.on_oom
        self._peak_bytes = {
            one.experiment.name: needed
            for one in plan.decisions
            if (needed := one.evidence.needed_gpu_bytes) is not None
        }
        self._may_choose = may_choose  # an experiment may run on any slot
        self._plan = plan
        self._experiments = {one.experiment.name: one.experiment for one in plan.to_run}
        self._changes = {one.experiment.name: one.changes for one in plan.to_run}  # made to configurations by on_oom
        self._workers: dict[str, _Worker] = {}
        self._alone: set[str] = set()  # have run out of memory: from then on each has its card for itself
        self._gone: set[str] = set()
        self._look_at_s = 0.0
        self._answers: dict[str, DeviceMemory | None] = {}  # since the last look
        self._held: dict[str, tuple[str, str]] = {}  # device → the first that was refused there, and why
        self._said: dict[str, str] = {}  # device → the last reason told, without its amounts

    @property
    def numbers(self) -> list[int]:
        """The device of each slot, as a number, for the scheduler."""
        keys = [slot.device.uuid or f"slot {slot.index}" for slot in self._slots]
        return [keys.index(key) for key in keys]

    def obstacles(self, experiment: str, slot: int) -> list[Event]:
        """Return what the scheduler must know if an experiment cannot start on a slot now; nothing if it can."""
        device = self._slots[slot].device
        key = _place(device)
        refused = Refused(experiment, slot)
        if key in self._gone:
            return [refused]
        try:
            reading = self._reading(device)
        except DeviceLost as error:
            return [self._lose(device, f"the driver says: {error}"), refused]
        except DriverSilent:
            self._held.setdefault(key, (experiment, f"{device}: the driver does not answer for it"))
            return [refused]
        is_alone = experiment in self._alone
        refused_for = refusal(
            reading,
            self._tenants(device),
            self._need(experiment),
            is_alone=is_alone,
            largest_bytes=self._largest_bytes(),
        )
        if refused_for is None:
            self._said.pop(key, None)
            return []
        self._held.setdefault(key, (experiment, f"{device}: {refused_for.reason}"))
        return [refused]

    def look_again(self, now_s: float) -> list[Event]:
        """Forget what was measured; tell what has been held back since the last look, if the reason is a new one.

        Returns the event that asks the scheduler to try again, a few times a second: the loop turns at every record.
        """
        if now_s < self._look_at_s:
            return []
        self._look_at_s = now_s + LOOK_S
        self._answers.clear()
        for key, (experiment, why) in self._held.items():
            if self._said.get(key) == (kind := re.sub(r"\d+\.\d", "", f"{experiment}: {why}")):
                continue
            self._said[key] = kind
            idle = "" if self._workers else " Nothing runs meanwhile; Ctrl-C gives up."
            self._say(f"{why}; {experiment} waits.{idle}")
            self._note("waits", experiment, why=why)
        self._held.clear()
        return [RetryRefused()]

    def next_attempt(self, decision: Decision) -> Decision:
        """Return the decision for one more attempt of this launch: it goes on, perhaps with a smaller batch."""
        return decision.after_attempt(self._changes[decision.experiment.name])

    def started(self, experiment: str, slot: Slot, pid: int) -> None:
        """Take in that a worker has started: from now on it is promised what it needs."""
        self._held = {key: held for key, held in self._held.items() if held[0] != experiment}
        is_alone = experiment in self._alone
        self._workers[experiment] = _Worker(_place(slot.device), pid, self._need(experiment), is_alone)

    def ended(
        self, experiment: str, slot: Slot, ending: Ending, seconds: float, history: History, *, is_last: bool = False
    ) -> list[Event]:
        """Take in how an attempt ended; return the events that follow for the scheduler, the last its end.

        `is_last`: whatever it was, it is not tried again.
        """
        self._workers.pop(experiment, None)
        self._answers.clear()
        if ending.kind == EndingKind.DONE and (peak := gpu_bytes(history)) is not None:
            self._peak_bytes[experiment] = peak
        events: list[Event] = []
        if ending.kind.is_failure and slot.device.uuid and _place(slot.device) not in self._gone:
            try:
                self._reading(slot.device)
            except DeviceLost as error:
                events.append(self._lose(slot.device, f"the driver says: {error}"))
            except DriverSilent:  # whatever starts there next waits until it speaks
                pass
            else:
                if _BROKEN.search(ending.why) and self._has_others(slot.device):
                    events.append(self._lose(slot.device, f"{experiment} failed with: {ending.why}"))
        again = None
        if ending.kind == EndingKind.OUT_OF_MEMORY and not is_last and _place(slot.device) not in self._gone:
            again = self._after_oom(experiment, slot.device)
        return [*events, Ended(experiment, ending.kind, seconds, again, _may_be_device(ending, slot.device))]

    def set_aside(self, action: Quarantined) -> None:
        """Tell that the scheduler uses a device no more."""
        device, (one, two) = self._slots[action.slot].device, action.experiments
        if device.uuid:
            self._gone.add(device.uuid)
        self._note("set_aside", "", device=str(device), after=[one, two])
        self._say(
            f"{device} is set aside: {one} and {two} both failed on it at once. What is left goes elsewhere, and what "
            "failed is tried once more there."
        )

    def close(self) -> None:
        """Release the driver library."""
        self._probe.close()

    def _after_oom(self, experiment: str, device: Device) -> bool | None:
        """Say whether an experiment that ran out of memory is queued again; None: as `retries` says."""
        if self._on_oom == "fail":
            return False
        where = f"alone on its {'card' if device.kind == 'cuda' else 'machine'}"
        had_company = experiment not in self._alone and self._tenants(device)
        if self._on_oom == "halve_batch" and not had_company:
            return self._halve(experiment, where)
        if experiment in self._alone:
            return None
        self._alone.add(experiment)
        self._say(f"{experiment}: out of memory, so once more later, {where} (on_oom).")
        return True

    def _halve(self, experiment: str, where: str) -> bool | None:
        """Have the next attempt train with half the batch from its beginning; None if it cannot be halved."""
        self._alone.add(experiment)
        one = self._experiments[experiment]
        smaller = halve_batch(one.config | self._changes[experiment])
        if smaller is None:
            self._say(f"{experiment}: out of memory, and its batch cannot be halved again.")
            return None
        self._changes[experiment] = smaller
        with contextlib.suppress(OSError):  # those of the larger batch are passed over in any case
            Checkpoints(self._plan.paths.checkpoints(experiment), experiment, one.digest).clear()
        self._say(
            f"{experiment}: out of memory, so once more later, {where}, with {describe_changes(smaller)} (on_oom)."
        )
        return True

    def _need(self, experiment: str) -> int | None:
        """Return the memory an experiment is expected to take; what others took where it has not run yet itself."""
        if self._given_bytes is not None:
            return self._given_bytes
        peak = self._peak_bytes.get(experiment) or max(self._peak_bytes.values(), default=None)
        return None if peak is None else peak + CONTEXT_BYTES

    def _answer(self, device: Device) -> DeviceMemory | None:
        if not device.uuid or device.uuid.startswith(AMD):
            return None
        if device.uuid not in self._answers:
            self._answers[device.uuid] = self._probe.ask(device.uuid)
        return self._answers[device.uuid]

    def _reading(self, device: Device) -> DeviceUsage | None:
        """Return what the driver measures on a card, our own workers left out of the holders."""
        answer = self._answer(device)
        if answer is None:
            return None
        ours = {worker.pid for worker in self._workers.values()}
        holders = [
            ForeignProcess(pid, owner_uid(pid), used) for pid, used in answer.processes.items() if pid not in ours
        ]
        return DeviceUsage(answer.total_bytes, answer.free_bytes, holders)

    def _tenants(self, device: Device) -> list[OwnWorker]:
        key = _place(device)
        used: Mapping[int, int | None] = {}
        with contextlib.suppress(DriverSilent, DeviceLost):
            used = answer.processes if (answer := self._answer(device)) is not None else {}
        return [
            OwnWorker(name, one.need_bytes, used.get(one.pid), self._has_stepped(name), one.is_alone)
            for name, one in self._workers.items()
            if one.device == key
        ]

    def _largest_bytes(self) -> int:
        """Return the memory of the largest card that what is too large for another may wait for; 0 if for none."""
        if not self._may_choose:
            return 0
        return max(
            (slot.device.memory_bytes for slot in self._slots if _place(slot.device) not in self._gone), default=0
        )

    def _has_others(self, device: Device) -> bool:
        places = {_place(slot.device) for slot in self._slots}
        return bool(places - self._gone - {_place(device)})

    def _lose(self, device: Device, why: str) -> SlotsLost:
        key = _place(device)
        self._gone.add(key)
        self._note("device_lost", "", device=str(device), uuid=device.uuid, why=why)
        left = "What is left goes elsewhere." if self._has_others(device) else "It was the last: nothing can start."
        self._say(f"{device} is lost and set aside: {why}. {left}")
        return SlotsLost(tuple(slot.index for slot in self._slots if _place(slot.device) == key))


def _may_be_device(ending: Ending, device: Device) -> bool:
    """Say whether a failure may come of the device: a process that died on a GPU, or an error that speaks of GPUs.

    Never on a CPU slot, of which the next is no better; nor an error of plain Python, which is the same anywhere.
    """
    return device.kind == "cuda" and (not ending.is_raised or bool(_OF_A_GPU.search(ending.why)))


def _place(device: Device) -> str:
    """Return whose memory workers on a device share: a card's, or for CPU slots the machine's."""
    return device.uuid or device.kind
