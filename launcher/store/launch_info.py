"""Where, how and with what a launch was made: the `launch` object of `sweep.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launcher.config import redact
from launcher.store import values
from launcher.store.locks import Holder

_GPU = "GPU "


@dataclass(frozen=True)
class Placement:
    """One slot of a launch: a device, and the CPU threads that an attempt on it may use."""

    device: str = ""  # for people: "GPU 3", "cpu" or "cpu:1"
    uuid: str = ""  # empty on the CPU
    threads: int | None = None
    share: str = ""  # "1/2" is the first of two slots on the device
    other: dict[str, Any] = field(default_factory=dict)  # what another version of the launcher has written

    @property
    def gpu_id(self) -> str | None:
        """The GPU as `--devices` takes it, such as "3"; None on the CPU."""
        return self.device.removeprefix(_GPU) if self.device.startswith(_GPU) else None

    @property
    def slots_per_device(self) -> str:
        """How many slots share the device, as text; empty if the device has a single slot."""
        return self.share.partition("/")[2]

    def to_json(self) -> dict[str, Any]:
        """Return the slot as `sweep.json` has it."""
        own = {"device": self.device, "uuid": self.uuid, "threads": self.threads, "share": self.share}
        return own | self.other

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Placement:
        """Return the slot in an object of `sweep.json`; a value that is wrong is left out."""
        device, uuid, share = (values.text(content.get(key)) for key in ("device", "uuid", "share"))
        own = ("device", "uuid", "threads", "share")
        other = {key: value for key, value in content.items() if key not in own}
        return cls(device, uuid, values.whole(content.get("threads")), share, other)


_TEXTS = ("at", "host", "cwd", "python", "system", "mode", "start_method", "commit")


@dataclass(frozen=True, kw_only=True)
class LaunchInfo:
    """The newest launch of a sweep. A text that is empty was not written, or had the wrong type."""

    at: str = ""  # local time with its offset
    host: str = ""
    pid: int | None = None  # of the launcher
    cwd: str = ""
    argv: list[str] = field(default_factory=list)
    python: str = ""  # version
    system: str = ""  # operating system and kernel
    versions: dict[str, Any] = field(default_factory=dict)  # package → version
    mode: str = ""  # "parallel" or "sequential"
    start_method: str = ""  # "forkserver" or "spawn"
    cli_overrides: dict[str, Any] = field(default_factory=dict)  # what -S set; the key in the file is "set"
    origin: dict[str, Any] | None = None  # which sweep uses the folder; `planning.origin` reads it
    commit: str = ""  # with "-dirty" if tracked files differed; empty where there is no repository
    attempts: dict[str, int] = field(default_factory=dict)  # the number of the first attempt, of each it runs
    slots: list[Placement] = field(default_factory=list)
    gpus: int = 1  # slots that each experiment has
    other: dict[str, Any] = field(default_factory=dict)  # what another version of the launcher has written

    @property
    def is_parallel(self) -> bool:
        """All slots were used at the same time."""
        return self.mode == "parallel"

    def is_by(self, holder: Holder) -> bool:
        """Return whether the process that holds the folder's lock made this launch."""
        return (holder.pid, holder.host) == (self.pid, self.host)

    def to_json(self) -> dict[str, Any]:
        """Return the launch as `sweep.json` has it, without secrets."""
        content = {
            "at": self.at,
            "host": self.host,
            "pid": self.pid,
            "cwd": self.cwd,
            "argv": redact.words(self.argv),
            "python": self.python,
            "system": self.system,
            "versions": self.versions,
            "mode": self.mode,
            "start_method": self.start_method,
            "set": redact.table(self.cli_overrides),
            "origin": self.origin,
            "commit": self.commit,
            "attempts": self.attempts,
            "slots": [slot.to_json() for slot in self.slots],
        }
        content |= {"gpus": self.gpus} if self.gpus != 1 else {}
        return {key: value for key, value in content.items() if value is not None} | self.other

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> LaunchInfo:
        """Return the launch in an object of `sweep.json`, without secrets; a value that is wrong is left out."""
        right = {key: value for key, value in content.items() if values.is_shallow(value)}
        tables = {key: value for key, value in right.items() if isinstance(value, dict)}
        slots = listed if isinstance(listed := right.get("slots"), list) else []
        known = {*_TEXTS, "pid", "argv", "versions", "set", "origin", "attempts", "slots", "gpus"}
        return cls(
            **{key: values.text(right.get(key)) for key in _TEXTS},
            pid=values.whole(right.get("pid")),
            argv=redact.words(values.texts(right.get("argv"))),
            versions=tables.get("versions", {}),
            cli_overrides=redact.table(tables.get("set", {})),
            origin=tables.get("origin"),
            attempts=values.wholes(right.get("attempts")),
            slots=[Placement.from_json(slot) for slot in slots if isinstance(slot, dict)],
            gpus=max(1, values.whole(right.get("gpus")) or 1),
            other={key: value for key, value in right.items() if key not in known},
        )
