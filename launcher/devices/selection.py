"""Which devices a sweep uses: a pure choice from what the user wants, what exists and what an outer variable allows.

Ids are physical: the numbers of `nvidia-smi`, in PCI bus order, or UUIDs, also of MIG instances. An outer
CUDA_VISIBLE_DEVICES is the universe they are taken from.
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
class Choice:
    """The devices a sweep uses and what the user should be told about how they came about."""

    devices: list[Device] = field(default_factory=list)
    notice: str = ""


def select_devices(
    devices: str | int | Sequence[int | str] | None, per_device: int = 1, existing: Sequence[Gpu] | None = None
) -> Choice:
    """Choose devices of this machine: "cpu", ids ("1,2" or a list of them), or None for all idle GPUs, else CPU slots.

    `existing` are its GPUs, where they are known already; otherwise NVML is asked.

    Raises:
        InputError: an id is malformed, repeated or unknown.
        NoDeviceError: no GPU is idle.
    """
    existing = nvml.gpus() if existing is None else existing
    ids = [devices] if isinstance(devices, int) else devices or ()
    wanted = devices if isinstance(devices, str) else ",".join(str(one) for one in ids)
    return choose(wanted, existing, os.environ, num_cores(), per_device, is_amd=os.path.exists(AMD_DRIVER))


def choose(
    wanted: str,
    existing: Sequence[Gpu],
    environment: Mapping[str, str],
    cores: int,
    per_device: int = 1,
    *,
    is_amd: bool = False,
) -> Choice:
    """Choose the devices for `wanted`: "cpu", a comma-separated list of ids, or empty for every idle GPU.

    Without any CUDA device the requested ids become CPU slots, `per_device` for each, one a core at most, and the
    notice says so. With AMD's driver (`is_amd`) and no NVIDIA card, GPUs are those named by number, unchecked: nobody
    is asked whether they exist, are idle or have memory free, and the notice says that.

    Raises:
        InputError: an id is malformed, repeated or does not exist; all of them are named.
        NoDeviceError: there are GPUs, but none may be used.
    """
    wanted = wanted.strip()
    ids = [part.strip() for part in wanted.split(",")] if wanted and wanted.lower() != "cpu" else []
    _check_ids(wanted, ids)
    universe = _universe(existing, environment)
    if wanted.lower() == "cpu":
        return Choice(_cpu_slots(cores))
    if is_amd and not existing and ids:
        return _amd(ids)
    if not existing or (not universe and not ids):
        why = "No CUDA device on this machine" if not existing else "CUDA_VISIBLE_DEVICES hides every GPU"
        slots = _cpu_slots(min(len(ids) * per_device, cores) if ids else cores)
        why += ", and AMD GPUs are named by number (--devices 0,1)" if is_amd else ""
        asked = f" in place of devices {', '.join(ids)}" if ids else ""
        return Choice(slots, f"{why}: running on {plural(len(slots), 'CPU slot')}{asked}.")
    if ids:
        return Choice([_device(gpu) for gpu in _pick(ids, universe, existing)])
    idle = [gpu for gpu in universe if gpu.is_idle]
    if not idle:
        listed = "\n  ".join(str(gpu) for gpu in universe)
        raise NoDeviceError(f"no GPU is idle:\n  {listed}\n  Name those to wait for with --devices, or --devices cpu.")
    return Choice([_device(gpu) for gpu in idle])


def _check_ids(wanted: str, ids: Sequence[str]) -> None:
    problems = [
        f'--devices {inline(wanted, 200)}: "{inline(one, 100)}" is not a device id.\n'
        '  Ids are the numbers of nvidia-smi or UUIDs, separated by commas, as in 1,2,3; or the word "cpu".'
        for one in ids
        if not _ID.fullmatch(one)
    ]
    known = [one for one in ids if _ID.fullmatch(one)]
    repeated = sorted({one for one in known if known.count(one) > 1})
    problems += [
        f"--devices {inline(wanted, 200)}: {one} is named more than once; two runs on one GPU is what this launcher "
        "prevents."
        for one in repeated
    ]
    if problems:
        raise InputError(problems)


def _universe(existing: Sequence[Gpu], environment: Mapping[str, str]) -> list[Gpu]:
    """Return the GPUs an outer CUDA_VISIBLE_DEVICES leaves, in its order; as CUDA does, up to the first unknown id."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return list(existing)
    left: list[Gpu] = []
    for one in (part.strip() for part in visible.split(",")):
        matches = _matches(one, existing)
        if not matches:
            break
        left += [gpu for gpu in matches if gpu not in left]
    return left


def _matches(one: str, existing: Sequence[Gpu]) -> list[Gpu]:
    """Return the GPU an id names; a UUID may be cut short, as CUDA allows, as long as it is one device's."""
    exact = [gpu for gpu in existing if one in (gpu.id, gpu.uuid)]
    return exact or [gpu for gpu in existing if one[:4] in ("GPU-", "MIG-") and gpu.uuid.startswith(one)]


def _pick(ids: Sequence[str], universe: Sequence[Gpu], existing: Sequence[Gpu]) -> list[Gpu]:
    problems: list[str] = []
    picked: list[Gpu] = []
    listed = "\n  ".join(f"{gpu} {gpu.uuid}" for gpu in universe) or "none"
    for one in ids:
        matches = _matches(one, universe)
        if len(matches) == 1 and matches[0] not in picked:
            picked.append(matches[0])
        elif len(matches) == 1:
            problems.append(f"--devices: {one} and an id before it are the same device, {matches[0].uuid}.")
        elif matches:
            problems.append(f"--devices: {one} fits {len(matches)} devices; write more of the UUID.")
        elif _matches(one, existing):
            problems.append(f"--devices: GPU {one} exists but CUDA_VISIBLE_DEVICES hides it.")
        else:
            problems.append(f"--devices: there is no GPU {one}.")
    if problems:
        raise InputError([*problems, f"Devices to choose from:\n  {listed}"])
    return picked


def _device(gpu: Gpu) -> Device:
    return Device("cuda", gpu.id, gpu.uuid, gpu.name, gpu.memory_bytes)


def _amd(ids: Sequence[str]) -> Choice:
    if wrong := [one for one in ids if not one.isdigit()]:
        raise InputError([f"--devices: {one}: an AMD GPU is named by its number, as in 0,1." for one in wrong])
    return Choice(
        [Device("cuda", one, f"{AMD}{one}", "AMD GPU") for one in ids],
        f"AMD GPUs {', '.join(ids)} as named: whether they exist and have memory free is not checked",
    )


def _cpu_slots(count: int) -> list[Device]:
    return [Device("cpu", "cpu" if count == 1 else f"cpu:{index}") for index in range(count)]
