"""The slots of one attempt in words, and what a worker on them sees."""

from __future__ import annotations

import pytest

from launcher.devices.device import AMD, Device
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot

CARDS = [Device("cuda", str(number), f"GPU-{number}", "A card") for number in range(4)]
MIG = [Device("cuda", f"MIG-{number}", f"MIG-{number}", "A share") for number in "ab"]
CPU = [Device("cpu", f"cpu:{number}") for number in range(3)]


def of(devices: list[Device], share: str = "") -> SlotSet:
    return SlotSet(tuple(Slot(index, device, 2, share) for index, device in enumerate(devices)))


@pytest.mark.parametrize(
    ("devices", "text", "about"),
    [
        ([CARDS[3]], "GPU 3", "GPU 3 A card GPU-3"),
        ([CARDS[3], CARDS[1]], "GPU 3, 1", "GPU 3, 1 A card GPU-3, GPU-1"),
        (MIG, "GPU MIG-a, MIG-b", "GPU MIG-a, MIG-b A share MIG-a, MIG-b"),
        ([CPU[0]], "cpu:0", "cpu:0"),
        (CPU, "cpu:0, 1, 2", "cpu:0, 1, 2"),
        ([Device("cpu", "cpu")], "cpu", "cpu"),
    ],
)
def test_devices_are_named_in_a_few_words(devices: list[Device], text: str, about: str) -> None:
    assert (of(devices).device, of(devices).about_devices) == (text, about)


def test_a_share_of_a_card_is_told() -> None:
    assert str(of([CARDS[0]], "1/2")) == "GPU 0 (1/2)"


def test_a_worker_sees_all_its_devices_in_their_order() -> None:
    assert of([CARDS[2], CARDS[0]]).environment()["CUDA_VISIBLE_DEVICES"] == "GPU-2,GPU-0"
    amd = [Device("cuda", number, f"{AMD}{number}", "AMD GPU") for number in "31"]
    assert of(amd).environment()["HIP_VISIBLE_DEVICES"] == "3,1"
    assert of(CPU).environment()["CUDA_VISIBLE_DEVICES"] == ""


def test_a_set_is_taken_from_the_slots_of_a_launch() -> None:
    slots = of(CARDS).slots
    chosen = SlotSet.of(slots, (2, 0))
    assert (chosen.indices, len(chosen), chosen.threads, chosen.kind) == ((2, 0), 2, 2, "cuda")
    assert chosen.places == {"GPU-2", "GPU-0"}
