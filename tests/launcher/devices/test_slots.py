"""Slots: how many there are, in which order, and how many threads each may use."""

from __future__ import annotations

import pytest

from launcher.devices.device import Device
from launcher.devices.slots import make_slots

CARDS = [Device("cuda", "1", "GPU-b"), Device("cuda", "3", "GPU-d")]
CPU = [Device("cpu", f"cpu:{index}") for index in range(4)]


def test_slots_of_a_gpu_are_shared_and_the_first_of_every_device_come_first() -> None:
    slots = make_slots(CARDS, parallel=True, threads=None, cores=9, per_device=2)
    assert [str(slot) for slot in slots] == ["GPU 1 (1/2)", "GPU 3 (1/2)", "GPU 1 (2/2)", "GPU 3 (2/2)"]
    assert [slot.index for slot in slots] == [0, 1, 2, 3]
    assert [slot.threads for slot in slots] == [2] * 4


def test_one_after_another_a_device_is_one_slot_with_all_cores() -> None:
    slots = make_slots(CARDS, parallel=False, threads=None, cores=9, per_device=2)
    assert [str(slot) for slot in slots] == ["GPU 1", "GPU 3"]
    assert [slot.threads for slot in slots] == [9, 9]


def test_a_cpu_slot_is_never_shared() -> None:
    assert len(make_slots(CPU, parallel=True, threads=None, cores=9, per_device=2)) == 4


@pytest.mark.parametrize(("cores", "threads", "expected"), [(9, None, 2), (3, None, 1), (9, 5, 5), (1, 64, 64)])
def test_cores_are_shared_evenly_and_threads_that_are_asked_for_are_taken(
    cores: int, threads: int | None, expected: int
) -> None:
    slots = make_slots(CPU, parallel=True, threads=threads, cores=cores)
    assert [slot.threads for slot in slots] == [expected] * 4


def test_one_after_another_the_slots_of_an_experiment_share_the_cores() -> None:
    slots = make_slots(CPU, parallel=False, threads=None, cores=9, per_experiment=2)
    assert [slot.threads for slot in slots] == [4] * 4
