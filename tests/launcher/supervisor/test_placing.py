"""What a group's attempts get of the GPUs that a cluster has given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import pytest

from launcher.clusters.order import Order
from launcher.devices.device import Device
from launcher.devices.nvml import Gpu
from launcher.devices.selection import given_devices
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.supervisor import placing
from launcher.supervisor.placing import NoRoom, place_group, spec_on_node
from tests.launcher.clusters.test_order import SCRIPT, SPEC

GPUS = [Gpu(str(number), f"GPU-{number}", "A card", 8 * 2**30, used_bytes=2**30) for number in range(4)]


def test_the_cluster_s_choice_is_the_universe() -> None:
    def ids(environment: dict[str, str], existing: Sequence[Gpu] = GPUS) -> list[str]:
        return [device.id for device in given_devices(environment, existing, is_amd=False)]

    assert ids({}) == ["0", "1", "2", "3"], "busy ones, too: others of this job may have begun"
    assert ids({"CUDA_VISIBLE_DEVICES": "3,1"}) == ["3", "1"]
    assert ids({"CUDA_VISIBLE_DEVICES": "GPU-2"}) == ["2"]
    assert ids({"CUDA_VISIBLE_DEVICES": ""}) == []
    assert ids({"CUDA_VISIBLE_DEVICES": "0"}, []) == []


def test_cards_of_amd_are_taken_by_number() -> None:
    def ids(**environment: str) -> list[str]:
        return [device.visible_name for device in given_devices(environment, [], is_amd=True)]

    assert ids(HIP_VISIBLE_DEVICES="2,3") == ["2", "3"]
    assert ids(CUDA_VISIBLE_DEVICES="1") == ["1"]
    assert ids(ROCR_VISIBLE_DEVICES="6,7") == ["0", "1"]
    assert ids() == []


def place(monkeypatch: pytest.MonkeyPatch, num: int, *gpus: float) -> list[list[str] | str]:
    """Return the cards of each attempt of a group on a node with so many, or why it has none."""
    cards = [Device("cuda", str(number), f"GPU-{number}", "A card") for number in range(num)]
    monkeypatch.setattr(placing, "given_devices", lambda _environment: cards)
    placed = place_group([Order(spec=SPEC, gpus=count) for count in gpus])
    indices = [index for slots in placed if isinstance(slots, SlotSet) for index in slots.indices]
    assert indices == list(range(len(indices)))
    return [str(found) if isinstance(found, NoRoom) else [device.id for device in found.devices] for found in placed]


def test_each_attempt_gets_its_own_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place(monkeypatch, 4, 1, 1, 2) == [["0"], ["1"], ["2", "3"]]
    assert place(monkeypatch, 1, 0.5, 0.5) == [["0"], ["0"]]
    assert place(monkeypatch, 2, *[0.25] * 8) == [["0"]] * 4 + [["1"]] * 4
    assert place(monkeypatch, 1, *[1 / 3] * 3) == [["0"]] * 3
    assert place(monkeypatch, 1, *[0.1] * 10) == [["0"]] * 10
    assert place(monkeypatch, 2, 0.6, 0.6) == [["0"], ["1"]]
    assert place(monkeypatch, 2, 0) == [["cpu"]]


def test_too_few_cards_are_told_with_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    first, second = place(monkeypatch, 1, 1, 2)
    assert first == ["0"]
    assert isinstance(second, str)
    assert f"{os.uname().nodename} shows 1 GPU" in second
    assert "CUDA_VISIBLE_DEVICES is '5'" in second


def test_a_worker_is_told_what_only_its_node_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER_PORT", raising=False)
    slots = SlotSet((Slot(0, Device("cuda", "3", "GPU-3", "A card"), 4),))
    spec = spec_on_node(replace(SPEC, device_type="cpu", script=SCRIPT), slots)
    assert spec.device_type == "cuda"
    assert [card.uuid for card in spec.cards] == ["GPU-3"]
    assert spec.environment["CUDA_VISIBLE_DEVICES"] == "GPU-3"
    assert spec.environment["OMP_NUM_THREADS"] == "4"
    assert spec.environment["A"] == "\udc80", "what the order has stays"
    assert int(spec.environment["MASTER_PORT"]) > 1024
    assert spec.script is not None
    assert spec.script.environment["LAUNCHER_DEVICE"] == "cuda"
