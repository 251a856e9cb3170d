"""Admission by memory: plain values in, a refusal or None out."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.devices.admission import GIB, DeviceUsage, ForeignProcess, OwnWorker, refusal

IDLE = DeviceUsage(48 * GIB, 48 * GIB)
FOREIGN = DeviceUsage(48 * GIB, 26 * GIB, (ForeignProcess(812, 1001, 22 * GIB),))
OURS = DeviceUsage(48 * GIB, 26 * GIB)  # 22 GiB in use, by workers of ours alone


def mine(name: str = "a", need: float | None = None, used: float | None = None, **more: bool) -> OwnWorker:
    return OwnWorker(name, *(None if value is None else int(value * GIB) for value in (need, used)), **more)


def reason(*arguments: Any, **named: Any) -> str | None:
    refused = refusal(*arguments, **named)
    return None if refused is None else refused.reason


@pytest.mark.parametrize(
    ("usage", "workers", "need", "told"),
    [
        (None, [], 60, None),
        (IDLE, [], None, None),
        (IDLE, [], 60, None),
        (DeviceUsage(48 * GIB, 47 * GIB), [], None, None),
        (FOREIGN, [], 26, None),
        (FOREIGN, [], 27, "22.0 of 48.0 GB held by pid 812, uid 1001, 27.0 GB needed"),
        (FOREIGN, [], None, "what it needs is not known (gpu_memory_gb in the job file says it)"),
        (OURS, [], None, "22.0 of 48.0 GB held; what it needs is not known"),
        (
            DeviceUsage(48 * GIB, 48 * GIB, (ForeignProcess(7),)),
            [],
            None,
            "0.0 of 48.0 GB held by pid 7; what it needs",
        ),
        (OURS, [mine(need=22, used=22)], 26, None),
        (OURS, [mine(need=30, used=22)], 19, "22.0 of 48.0 GB held by a, 8.0 GB promised, 19.0 GB needed"),
        (OURS, [mine(need=30, used=22)], 18, None),
        (IDLE, [mine(need=30)], 19, "0.0 of 48.0 GB held by a, 30.0 GB promised, 19.0 GB needed"),
        (OURS, [mine(need=30, has_stepped=True)], 26, None),
        (OURS, [mine(need=20, used=22)], 26, None),
        (OURS, [mine()], None, "a starts there, and what it needs shows at its first step"),
        (OURS, [mine(has_stepped=True)], None, None),
        (OURS, [mine(has_stepped=True), mine("b")], None, "b starts there"),
        (OURS, [mine(has_stepped=True), mine("b", is_alone=True)], 1, "a and b runs alone there"),
    ],
)
def test_what_is_admitted(
    usage: DeviceUsage | None, workers: list[OwnWorker], need: float | None, told: str | None
) -> None:
    why = reason(usage, workers, None if need is None else int(need * GIB))
    assert (why is None) if told is None else (why is not None and told in why)


def test_alone_means_no_other_worker_of_ours() -> None:
    assert reason(IDLE, [], None, is_alone=True) is None
    assert reason(IDLE, [mine()], 1, is_alone=True) == "it is to run alone there, and a still runs"
    both = reason(None, [mine(), mine("b")], None, is_alone=True)
    assert both == "it is to run alone there, and a and b still run"
    assert reason(None, [mine(is_alone=True)], None) == "a runs alone there, after it ran out of memory"


def test_what_only_a_larger_card_can_take_waits_for_it_and_what_none_can_take_is_tried() -> None:
    told = "it needs 60.0 GB and the card has 48.0; a larger one takes it"
    assert reason(IDLE, [], 60 * GIB, largest_bytes=80 * GIB) == told
    assert reason(IDLE, [], 100 * GIB, largest_bytes=80 * GIB) is None


def test_many_holders_are_the_largest_three() -> None:
    holders = tuple(ForeignProcess(pid, 1000, pid * GIB) for pid in range(1, 6))
    told = "held by pid 5, uid 1000; pid 4, uid 1000; pid 3, uid 1000; 2 more, 40.0 GB needed"
    assert told in str(reason(DeviceUsage(48 * GIB, 33 * GIB, holders), [], 40 * GIB))
