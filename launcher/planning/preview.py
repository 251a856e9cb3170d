"""A plan with all that a person wants to know before a launch: forecast, devices and who is on them, files. As JSON.

`launcher.terminal.plan_text` puts it into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from launcher.config import redact
from launcher.devices import nvml
from launcher.devices.nvml import Gpu
from launcher.devices.occupancy import Occupancy, free_memory, occupancy
from launcher.devices.slots import Slot
from launcher.planning.forecast import Forecast, forecast
from launcher.planning.job import Sweep
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.plan import Plan, decide
from launcher.planning.resolve import resolve
from launcher.planning.wording import notices, repeated_training
from launcher.store.paths import ANY, Paths


@dataclass(frozen=True)
class Facts:
    """What is known about one device, used or not."""

    gpu: Gpu
    occupancy: Occupancy


@dataclass(frozen=True)
class Preview:
    """A plan with all that a person wants to know before it is launched."""

    plan: Plan
    slots: Sequence[Slot]
    facts: Sequence[Facts]  # of all GPUs there are; empty on a machine without
    is_parallel: bool
    notice: str = ""
    free_memory_bytes: int | None = None  # of the machine

    @property
    def forecast(self) -> Forecast:
        """What is expected of the launch."""
        return forecast(self.plan, len(self.slots), is_parallel=self.is_parallel)

    def document(self) -> dict[str, Any]:
        """Return the plan as JSON types; `test_plan_text` holds its shape still."""
        plan, expected = self.plan, self.forecast
        turns = {turn.experiment: turn for turn in expected.turns}
        return {
            "sweep": plan.sweep.name,
            "job_file": str(plan.sweep.job_file),
            "target": plan.sweep.settings.target,
            "seed": plan.sweep.settings.seed,
            "parallel": self.is_parallel,
            "outcome": str(plan.paths.outcome),
            "logs": str(plan.paths.logs),
            "set": redact.table(plan.sweep.cli_overrides),
            "notices": [*([self.notice] if self.notice else []), *notices(plan), *repeated_training(plan)],
            "devices": _device_documents(self),
            "experiments": [
                {
                    "name": one.experiment.name,
                    "action": one.action,
                    "why": one.why,
                    "attempt": one.attempt,
                    "ending": one.evidence.ending,
                    "overrides": one.experiment.shown.overrides,
                    "config": one.experiment.shown.config,
                    "digest": one.experiment.digest,
                    "expected": asdict(expected.expected[name]) if name in expected.expected else None,
                    "wave": turns[name].wave if name in turns else None,
                    "device": str(self.slots[turns[name].slot].device) if name in turns else None,
                    "after": turns[name].after if name in turns else None,
                }
                | ({"repeats": asdict(one.repeats)} if one.repeats is not None else {})
                for one in plan.decisions
                for name in [one.experiment.name]
            ],
            "order": [turn.experiment for turn in expected.turns],
            "waves": [[turn.experiment for turn in wave] for wave in expected.waves],
            "expected": {
                "seconds": expected.seconds,
                "work_seconds": expected.work_seconds,
                "memory_bytes": expected.memory_bytes,
                "gpu_memory_bytes": expected.gpu_memory_bytes,
            },
            "files": [{"path": path, "count": count, "what": what} for path, count, what in files(plan)],
        }


def preview(sweep: Sweep, options: LaunchOptions) -> Preview:
    """Say what a launch would do and what it would take. Starts and writes nothing.

    Raises:
        InputError: something is wrong with the sweep or the devices.
        NoDeviceError: no device may be used.
    """
    existing = nvml.gpus()
    choice = options.choose(sweep.settings, existing)
    plan = decide(sweep, resolve(sweep), Paths(sweep.outcome, sweep.logs), fresh=options.fresh)
    slots = options.slots(choice.devices, sweep.settings)
    facts = [Facts(gpu, occupancy(gpu)) for gpu in existing]
    return Preview(plan, slots, facts, options.is_parallel(sweep.settings), choice.notice, free_memory())


def files(plan: Plan) -> list[tuple[str, int, str]]:
    """Return what a launch writes: path, with `<experiment>` for a name, how many files (0: not known), and what."""
    if not plan.to_run:
        return []
    each, paths, metrics = len(plan.to_run), plan.paths, plan.sweep.settings.metrics
    found = [
        (paths.log(ANY), each, "appended to"),
        (paths.records(ANY), each, "every record"),
        *([(paths.telemetry(ANY), each, "what it uses")] if plan.sweep.settings.telemetry_s else []),
        (paths.checkpoints(ANY), each, "until it is done"),
        (paths.report_html, 1, "all of it, as a page"),
        (paths.report_md, 1, "the same as Markdown"),
        (paths.table_txt, 1, "to read"),
        (paths.table_csv, 1, "for programs"),
        *((paths.curve(metric, ANY), each, "") for metric in metrics),
        *((paths.curves(metric), 1, "compared") for metric in metrics),
        (paths.sweep, 1, "what was planned"),
        (paths.events, 1, "appended to"),
        (paths.outcome, 0, "the target's own"),
    ]
    return [(str(path), count, what) for path, count, what in found]


def _device_documents(preview: Preview) -> list[dict[str, Any]]:
    threads = {slot.device.uuid: slot.threads for slot in preview.slots}
    documents: list[dict[str, Any]] = [
        {
            "id": one.gpu.id,
            "kind": "cuda",
            "uuid": one.gpu.uuid,
            "name": one.gpu.name,
            "is_used": one.gpu.uuid in threads,
            "threads": threads.get(one.gpu.uuid),
            "memory_bytes": one.gpu.memory_bytes,
            "free_bytes": one.gpu.memory_bytes - one.gpu.used_bytes,
            "processes": [asdict(process) for process in one.occupancy.processes],
            "launcher": asdict(one.occupancy.launcher) if one.occupancy.launcher else None,
        }
        for one in preview.facts
    ]
    return documents + [
        {
            "id": slot.device.id,
            "kind": slot.device.kind,
            "uuid": "",
            "name": slot.device.name,
            "is_used": True,
            "threads": slot.threads,
            "memory_bytes": None,
            "free_bytes": preview.free_memory_bytes,
            "processes": [],
            "launcher": None,
        }
        for slot in preview.slots
        if not slot.device.uuid
    ]
