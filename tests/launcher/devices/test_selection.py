"""Choosing devices: a pure function of what is wanted, what exists, an outer variable, and the cores."""

from __future__ import annotations

import pytest

from launcher.devices.device import visible_devices
from launcher.devices.nvml import Gpu
from launcher.devices.selection import check_number, choose
from launcher.devices.slots import make_slots
from launcher.errors import InputError, NoDeviceError

GIB = 2**30
CARDS = [
    Gpu("0", "GPU-aaaa1111", "A100", 40 * GIB, 30 * GIB, (812,)),
    Gpu("1", "GPU-bbbb2222", "A100", 40 * GIB, GIB // 2),
    Gpu("2", "GPU-bbbb3333", "H100", 80 * GIB, 0),
    Gpu("MIG-cccc4444", "MIG-cccc4444", "A30 MIG", 6 * GIB, 0),
]


def ids(wanted: str, visible: str | None = None, cards: list[Gpu] = CARDS) -> list[str]:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return [device.uuid for device in choose(wanted, cards, environment, 4).devices]


@pytest.mark.parametrize(
    ("wanted", "visible", "chosen"),
    [
        ("1,2", None, ["GPU-bbbb2222", "GPU-bbbb3333"]),
        (" 2 , 0 ", None, ["GPU-bbbb3333", "GPU-aaaa1111"]),
        ("GPU-aaaa1111", None, ["GPU-aaaa1111"]),
        ("GPU-aaaa", None, ["GPU-aaaa1111"]),
        ("MIG-cccc4444", None, ["MIG-cccc4444"]),
        ("", None, ["GPU-bbbb2222", "GPU-bbbb3333", "MIG-cccc4444"]),
        ("", "2,1", ["GPU-bbbb3333", "GPU-bbbb2222"]),
        ("2", "2,1", ["GPU-bbbb3333"]),
        ("", "2,77,1", ["GPU-bbbb3333"]),
        ("cpu", None, ["", "", "", ""]),
    ],
)
def test_what_is_chosen(wanted: str, visible: str | None, chosen: list[str]) -> None:
    assert ids(wanted, visible) == chosen


@pytest.mark.parametrize(
    ("wanted", "visible", "told"),
    [
        ("0,0", None, "0 is named more than once"),
        ("0,GPU-aaaa1111", None, "are the same device"),
        ("1gpu2", None, '"1gpu2" is not a device id'),
        ("-1", None, '"-1" is not a device id'),
        ("0,,1", None, '"" is not a device id'),
        ("0;touch pwn", None, '"0;touch pwn" is not a device id'),
        ("$(touch pwn)", None, "is not a device id"),
        ("0\x1b[2J", None, r'"0\x1b[2J" is not a device id'),
        ("99", None, "there is no GPU 99"),
        ("GPU-bbbb", None, "fits 2 devices"),
        ("0", "1,2", "GPU 0 exists but CUDA_VISIBLE_DEVICES hides it"),
    ],
)
def test_what_is_refused(wanted: str, visible: str | None, told: str) -> None:
    with pytest.raises(InputError) as caught:
        ids(wanted, visible)
    assert told in str(caught.value)


def test_all_wrong_ids_at_once_and_what_there_is() -> None:
    with pytest.raises(InputError) as caught:
        ids("7,8")
    text = str(caught.value)
    assert "no GPU 7" in text
    assert "no GPU 8" in text
    assert "GPU 2 H100, 0.0 of 80.0 GiB GPU-bbbb3333" in text


def test_no_idle_gpu_is_an_error_that_names_the_holders() -> None:
    with pytest.raises(NoDeviceError, match=r"30\.0 of 40\.0 GiB, processes 812"):
        ids("", cards=CARDS[:1])


def test_without_gpus_the_requested_ids_become_cpu_slots_and_one_line_says_so() -> None:
    choice = choose("1,2,3,4,5", [], {}, 2)
    assert [str(device) for device in choice.devices] == ["cpu:0", "cpu:1"]
    assert choice.notice == "No CUDA device on this machine: running on 2 CPU slots in place of devices 1, 2, 3, 4, 5."
    assert choose("cpu", [], {}, 2).notice == ""
    assert len(choose("3", [], {}, 8).devices) == 1


def test_hidden_gpus_are_not_used() -> None:
    choice = choose("", CARDS, {"CUDA_VISIBLE_DEVICES": ""}, 3)
    assert {device.kind for device in choice.devices} == {"cpu"}
    assert "hides every GPU" in choice.notice


def test_a_worker_sees_its_device_alone() -> None:
    device = choose("1", CARDS, {}, 1).devices[0]
    assert visible_devices([device]) == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-bbbb2222",
        "HIP_VISIBLE_DEVICES": "GPU-bbbb2222",
    }
    on_cpu = visible_devices(choose("cpu", CARDS, {}, 1).devices)
    assert on_cpu["CUDA_VISIBLE_DEVICES"] == on_cpu["HIP_VISIBLE_DEVICES"] == ""


def test_amd_cards_are_those_named_by_number_unchecked() -> None:
    choice = choose("1,3", [], {}, 4, is_amd=True)
    assert [visible_devices([device])["HIP_VISIBLE_DEVICES"] for device in choice.devices] == ["1", "3"]
    assert [visible_devices([device])["CUDA_VISIBLE_DEVICES"] for device in choice.devices] == ["1", "3"]
    assert [str(device) for device in choice.devices] == ["GPU 1", "GPU 3"]
    assert "whether they exist and have memory free is not checked" in choice.notice
    assert "AMD GPUs are named by number" in choose("", [], {}, 4, is_amd=True).notice
    assert choose("cpu", [], {}, 4, is_amd=True).devices[0].kind == "cpu"
    with pytest.raises(InputError, match="an AMD GPU is named by its number"):
        choose("GPU-abcd", [], {}, 4, is_amd=True)


def test_cpu_slots_in_place_of_shared_gpus_are_as_many_and_one_a_core_at_most() -> None:
    assert len(choose("1,2", [], {}, 16, 3).devices) == 6
    assert "6 CPU slots in place of devices 1, 2" in choose("1,2", [], {}, 16, 3).notice
    assert len(choose("1,2", [], {}, 4, 3).devices) == 4


@pytest.mark.parametrize(
    ("num_devices", "parallel", "threads", "cores", "share"),
    [
        (5, True, None, 2, 1),
        (2, True, None, 16, 8),
        (3, True, None, 16, 5),
        (5, False, None, 16, 16),
        (2, True, 3, 2, 3),
    ],
)
def test_cores_are_shared_out(num_devices: int, parallel: bool, threads: int | None, cores: int, share: int) -> None:
    devices = choose("cpu", [], {}, num_devices).devices
    slots = make_slots(devices, parallel=parallel, threads=threads, cores=cores)
    assert [slot.threads for slot in slots] == [share] * num_devices
    assert [slot.index for slot in slots] == list(range(num_devices))


def test_fewer_devices_than_an_experiment_needs_are_told_with_what_to_type() -> None:
    named = choose("0,1", CARDS, {}, 4)
    check_number(named, 2, is_named=True)
    with pytest.raises(InputError) as told:
        check_number(named, 6, is_named=True)
    assert str(told.value) == (
        "sweep.gpus is 6: an experiment needs 6 GPUs, and 2 are named (GPU 0, GPU 1).\n"
        "  Name more with --devices, or write gpus = 2 in the job file."
    )
    with pytest.raises(InputError) as told:
        check_number(choose("", [], {}, 1), 2, is_named=False)
    assert "an experiment needs 2 CPU slots, and 1 is there (cpu).\n  No CUDA device" in str(told.value)
