"""Chooses the devices of a sweep, from what the user asks for, what exists, and what CUDA_VISIBLE_DEVICES allows.

Ids are physical: the numbers that `nvidia-smi` shows, in PCI bus order, or UUIDs, also of MIG instances. If
CUDA_VISIBLE_DEVICES is set where the launcher starts, only the devices in it can be chosen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from launcher.devices import nvml
from launcher.devices.cpu_quota import num_cores
from launcher.devices.device import AMD, Device
from launcher.devices.nvml import Gpu
from launcher.errors import InputError, NoDeviceError
from launcher.text import inline, plural

AMD_DRIVER = "/dev/kfd"
_ID = re.compile(r"\d{1,4}|(GPU|MIG)-[0-9A-Za-z/-]{1,80}")


@dataclass(frozen=True)
class DeviceSelection:
    """The devices of a sweep, and a notice for the user if they are not what was asked for."""

    devices: list[Device] = field(default_factory=list)
    notice: str = ""


def select_devices(
    devices: str | int | Sequence[int | str] | None, per_device: int = 1, existing: Sequence[Gpu] | None = None
) -> DeviceSelection:
    """Choose devices of this machine.

    `devices`: "cpu", ids ("1,2", or a list), or None for all idle GPUs, or CPU slots on a machine without GPUs.
    `per_device`: slots that share a GPU. `existing`: the machine's GPUs if they are known; None asks NVML.

    Raises:
        InputError: an id is malformed, repeated or unknown.
        NoDeviceError: no GPU is idle.
    """
    existing = nvml.find_gpus() if existing is None else existing
    ids = [devices] if isinstance(devices, int) else devices or ()
    wanted = devices if isinstance(devices, str) else ",".join(map(str, ids))
    return choose(wanted, existing, os.environ, num_cores(), per_device, is_amd=os.path.exists(AMD_DRIVER))


def choose(
    wanted: str,
    existing: Sequence[Gpu],
    environment: Mapping[str, str],
    cores: int,
    per_device: int = 1,
    *,
    is_amd: bool = False,
) -> DeviceSelection:
    """Choose the devices for `wanted`: "cpu", a comma-separated list of ids, or "" for every idle GPU. Pure.

    Without a CUDA device, each requested id becomes `per_device` CPU slots, but no more slots than `cores`; the notice
    says so. With AMD's driver (`is_amd`) and no NVIDIA card, a number names an AMD GPU. The notice says
    that nothing is checked: whether the GPU exists, is idle or has free memory.

    Raises:
        InputError: ids are malformed, repeated or do not exist; the error names all of them.
        NoDeviceError: there are GPUs, but none is idle.
    """
    wanted = wanted.strip()
    ids = [part.strip() for part in wanted.split(",")] if wanted and wanted.lower() != "cpu" else []
    _check_ids(wanted, ids)
    universe = _universe(existing, environment)
    if wanted.lower() == "cpu":
        return DeviceSelection(_cpu_slots(cores))
    if is_amd and not existing and ids:
        return _amd(ids)
    if not existing or (not universe and not ids):
        why = "No CUDA device on this machine" if not existing else "CUDA_VISIBLE_DEVICES hides every GPU"
        slots = _cpu_slots(min(len(ids) * per_device, cores) if ids else cores)
        why += ", and AMD GPUs are named by number (--devices 0,1)" if is_amd else ""
        asked = f" in place of devices {', '.join(ids)}" if ids else ""
        return DeviceSelection(slots, f"{why}: running on {plural(len(slots), 'CPU slot')}{asked}.")
    if ids:
        return DeviceSelection([_device(gpu) for gpu in _pick(ids, universe, existing)])
    idle = [gpu for gpu in universe if gpu.is_idle]
    if not idle:
        listed = "\n  ".join(str(gpu) for gpu in universe)
        raise NoDeviceError(f"no GPU is idle:\n  {listed}\n  Name those to wait for with --devices, or --devices cpu.")
    return DeviceSelection([_device(gpu) for gpu in idle])


def given_devices(
    environment: Mapping[str, str], existing: Sequence[Gpu] | None = None, *, is_amd: bool | None = None
) -> list[Device]:
    """Return the GPUs that a cluster has given to this process by CUDA_VISIBLE_DEVICES, idle or not; none without any.

    `existing`: the machine's GPUs if they are known; None asks NVML. `is_amd`: there is AMD's driver; None looks.
    AMD's runtime has variables of its own. By ROCR_VISIBLE_DEVICES it hides cards and numbers the rest from 0.
    """
    existing = nvml.find_gpus() if existing is None else existing
    if existing:
        return [_device(gpu) for gpu in _universe(existing, environment)]
    if not (os.path.exists(AMD_DRIVER) if is_amd is None else is_amd):
        return []
    names = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
    variable, ids = next(((name, environment[name].split(",")) for name in names if environment.get(name)), ("", []))
    numbers = map(str, range(len(ids))) if variable == "ROCR_VISIBLE_DEVICES" else filter(str.isdigit, ids)
    return _amd(list(numbers)).devices


def check_number(found: DeviceSelection, needed: int, *, is_named: bool) -> None:
    """Check that an experiment that needs so many devices finds them. `is_named`: the user has named the devices.

    Raises:
        InputError: there are fewer.
    """
    num, kind = len(found.devices), found.devices[0].kind
    if num >= needed:
        return
    what = "GPU" if kind == "cuda" else "CPU slot"
    which = "named" if is_named else "idle" if kind == "cuda" else "there"
    remedy = "Name more with --devices" if kind == "cuda" else "A CPU slot needs a core. Take a machine with more"
    notice = f"\n  {found.notice}" if found.notice else ""
    raise InputError(
        f"sweep.gpus is {needed}: an experiment needs {plural(needed, what)}, and {num} {'is' if num == 1 else 'are'} "
        f"{which} ({', '.join(map(str, found.devices))}).{notice}\n  {remedy}, or write gpus = {num} in the job file."
    )


def _check_ids(wanted: str, ids: Sequence[str]) -> None:
    problems = [
        f'--devices {inline(wanted, 200)}: "{inline(name, 100)}" is not a device id.\n'
        '  Ids are the numbers of nvidia-smi or UUIDs, separated by commas, as in 1,2,3; or the word "cpu".'
        for name in ids
        if not _ID.fullmatch(name)
    ]
    well_formed = [name for name in ids if _ID.fullmatch(name)]
    repeated = sorted({name for name in well_formed if well_formed.count(name) > 1})
    problems += [
        f"--devices {inline(wanted, 200)}: {name} is named more than once; two runs on one GPU is what this launcher "
        "prevents."
        for name in repeated
    ]
    if problems:
        raise InputError(problems)


def _universe(existing: Sequence[Gpu], environment: Mapping[str, str]) -> list[Gpu]:
    """Return the GPUs in CUDA_VISIBLE_DEVICES, in its order. As CUDA does, ignore what follows an unknown id."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return list(existing)
    left: list[Gpu] = []
    for name in (part.strip() for part in visible.split(",")):
        matches = _matches(name, existing)
        if not matches:
            break
        left += [gpu for gpu in matches if gpu not in left]
    return left


def _matches(name: str, existing: Sequence[Gpu]) -> list[Gpu]:
    """Return the GPUs an id may mean. As in CUDA, a UUID may be cut short, so that it may fit more than one."""
    exact = [gpu for gpu in existing if name in (gpu.id, gpu.uuid)]
    return exact or [gpu for gpu in existing if name[:4] in ("GPU-", "MIG-") and gpu.uuid.startswith(name)]


def _pick(ids: Sequence[str], universe: Sequence[Gpu], existing: Sequence[Gpu]) -> list[Gpu]:
    problems: list[str] = []
    picked: list[Gpu] = []
    listed = "\n  ".join(f"{gpu} {gpu.uuid}" for gpu in universe) or "none"
    for name in ids:
        matches = _matches(name, universe)
        if len(matches) == 1 and matches[0] not in picked:
            picked.append(matches[0])
        elif len(matches) == 1:
            problems.append(f"--devices: {name} and an id before it are the same device, {matches[0].uuid}.")
        elif matches:
            problems.append(f"--devices: {name} fits {len(matches)} devices; write more of the UUID.")
        elif _matches(name, existing):
            problems.append(f"--devices: GPU {name} exists but CUDA_VISIBLE_DEVICES hides it.")
        else:
            problems.append(f"--devices: there is no GPU {name}.")
    if problems:
        raise InputError([*problems, f"Devices to choose from:\n  {listed}"])
    return picked


def _device(gpu: Gpu) -> Device:
    return Device("cuda", gpu.id, gpu.uuid, gpu.name, gpu.memory_bytes)


def _amd(ids: Sequence[str]) -> DeviceSelection:
    if wrong := [name for name in ids if not name.isdigit()]:
        raise InputError([f"--devices: {name}: an AMD GPU is named by its number, as in 0,1." for name in wrong])
    return DeviceSelection(
        [Device("cuda", number, f"{AMD}{number}", "AMD GPU") for number in ids],
        f"AMD GPUs {', '.join(ids)} as named: whether they exist and have memory free is not checked",
    )


def _cpu_slots(count: int) -> list[Device]:
    return [Device("cpu", "cpu" if count == 1 else f"cpu:{index}") for index in range(count)]
