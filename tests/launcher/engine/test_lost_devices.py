"""What is told of devices that are lost or set aside, and which failures a device may be the cause of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from launcher.devices.slot_set import SlotSet
from launcher.engine.classify_ending import Ending
from launcher.engine.listener import AttemptEnd
from launcher.engine.lost_devices import LostDevices, may_be_device
from launcher.engine.messages import SlotsLost
from launcher.errors import LauncherError
from launcher.executors.base import SlotsGone
from launcher.store.ending import EndingKind
from launcher.store.events import DeviceLost, LoggedEvent, SetAside
from launcher.store.record_summary import RecordSummary
from tests.launcher.engine.fakes import FakeExecutor, Listening
from tests.launcher.engine.parts import CPU, GPU, decision
from tests.launcher.engine.test_launch_in_memory import gpus

GONE = [SlotsGone((number,), f"GPU {number}", f"GPU-{number}", "the driver says: GPU is lost") for number in (0, 1)]


class Launch:
    def __init__(self) -> None:
        self.executor, self.console = FakeExecutor(2), Listening()
        self.executor.slots = gpus(0, 1)
        self.events: list[LoggedEvent] = []
        self.lost = LostDevices(self.executor, self.console, self.events.append)


@pytest.fixture
def launch() -> Iterator[Launch]:
    made = Launch()
    yield made
    made.executor.close()


def test_a_lost_device_is_told_logged_and_known(launch: Launch) -> None:
    first, second = launch.executor.slots
    assert launch.lost.lose(GONE[0]) == SlotsLost((0,))
    assert first.device in launch.lost
    assert second.device not in launch.lost
    assert launch.events == [DeviceLost("", "GPU 0", "GPU-0", "the driver says: GPU is lost")]
    launch.lost.lose(GONE[1])
    assert [message.rpartition(": ")[2] for message in launch.console.messages] == [
        "GPU is lost. What is left goes elsewhere.",
        "nothing can start.",
    ]


def test_where_too_few_devices_are_left_for_an_experiment_that_is_told(launch: Launch) -> None:
    launch.lost = LostDevices(launch.executor, launch.console, launch.events.append, needed=2)
    launch.lost.lose(GONE[0])
    assert launch.console.messages[-1].endswith("1 device left, and an experiment needs 2: nothing more can start.")


def test_only_the_card_of_the_rank_that_calls_it_broken_is_suspected(launch: Launch) -> None:
    why = "rank 1 of 2: RuntimeError: uncorrectable ECC error, after step 3"
    asked: list[tuple[int, str]] = []
    launch.executor.check_device = lambda slot, text: asked.append((slot, text))  # type: ignore[method-assign,assignment,func-returns-value]
    both = SlotSet(tuple(launch.executor.slots))
    ending = Ending(EndingKind.FAILED, why, is_raised=True)
    assert launch.lost.check(AttemptEnd(decision(), both, ending, RecordSummary(), 1.0, 0)) == []
    assert asked == [(0, ""), (1, why)]


def test_a_device_that_was_set_aside_is_as_good_as_lost(launch: Launch) -> None:
    launch.lost.set_aside((1,), "a", "b")
    assert launch.executor.set_aside_slots == [1]
    assert launch.events == [SetAside("", "GPU 1", ["a", "b"])]
    launch.lost.lose(GONE[0])
    assert launch.console.messages[-1].endswith("It was the last: nothing can start.")


def test_an_executor_that_starts_nothing_more_is_told_once(launch: Launch) -> None:
    assert launch.lost.can_start
    for _ in range(2):
        assert launch.lost.cannot_start(LauncherError("no fork server")) == SlotsLost((0, 1))
    assert not launch.lost.can_start
    assert launch.console.messages == ["no fork server"]


@pytest.mark.parametrize(
    ("ending", "is_suspect"),
    [
        (Ending(EndingKind.KILLED, "SIGSEGV, in set-up"), True),
        (Ending(EndingKind.FAILED, "it ended with exit code 1 and no word, in set-up"), True),
        (Ending(EndingKind.FAILED, "RuntimeError: CUDA error: an illegal access", is_raised=True), True),
        (Ending(EndingKind.FAILED, "RuntimeError: cuDNN error", is_raised=True), True),
        (Ending(EndingKind.FAILED, "ValueError: no such file", is_raised=True), False),
        (Ending(EndingKind.FAILED, "ValueError: cubic spline", is_raised=True), False),
    ],
)
def test_a_gpu_may_be_the_cause_of_a_death_and_of_errors_that_speak_of_gpus(ending: Ending, is_suspect: bool) -> None:
    assert may_be_device(ending, GPU.kind) is is_suspect
    assert not may_be_device(ending, CPU.kind), "the next CPU slot is no better"
