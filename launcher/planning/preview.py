"""A plan with all that a person wants to know before a launch: forecast, devices and who uses them, files. As JSON too.

`launcher.terminal.plan_text` puts a preview into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from launcher.config import redact
from launcher.devices import nvml
from launcher.devices.free_memory import free_memory
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.planning.decision import Decision
from launcher.planning.defaults import LEAST_RESULTS, MOST_BY_AXIS, MOST_CURVES
from launcher.planning.forecast import Forecast, ScheduledStart, forecast
from launcher.planning.job import Sweep
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.open_attempts_check import check_open
from launcher.planning.plan import Plan, decide
from launcher.planning.resolve import resolve
from launcher.planning.wording import notices, repeated_training
from launcher.store.paths import ANY, Paths

if TYPE_CHECKING:
    from launcher.devices.nvml import Gpu
    from launcher.devices.occupancy import Occupancy
    from launcher.planning.cluster_plan import ClusterPlan


@dataclass(frozen=True)
class GpuStatus:
    """A GPU of this machine and who uses it, whether the launch will use it or not."""

    gpu: Gpu
    occupancy: Occupancy


@dataclass(frozen=True)
class WrittenFiles:
    """One kind of file that a launch writes. Its fields are keys of `plan --json`."""

    path: str  # with `<experiment>` in the place of a name
    count: int  # 0: not known beforehand
    what: str  # what is in it, in a few words


@dataclass(frozen=True)
class Preview:
    """A plan with all that a person wants to know before it is launched."""

    plan: Plan
    slots: Sequence[Slot]
    gpus: Sequence[GpuStatus]  # all of this machine
    is_parallel: bool
    notice: str = ""  # about the choice of devices
    free_memory_bytes: int | None = None  # of the machine
    cluster: ClusterPlan | None = None  # None: the workers run on this machine

    @property
    def forecast(self) -> Forecast:
        """What is expected of the launch."""
        if self.cluster is not None:
            at_once = min(len(self.slots), self.plan.sweep.cluster.at_once or len(self.slots))
            return forecast(self.plan, at_once, is_parallel=True)
        slots_each = self.plan.sweep.settings.gpus
        return forecast(self.plan, len(self.slots), is_parallel=self.is_parallel, slots_each=slots_each)

    def to_json(self) -> dict[str, Any]:
        """Return the preview as JSON types: the output of `plan --json`. A test keeps its keys as they are."""
        plan, expected = self.plan, self.forecast
        starts = {start.experiment: start for start in expected.starts}
        return {
            "sweep": plan.sweep.name,
            "job_file": str(plan.sweep.job_file),
            "target": plan.sweep.trains,
            "seed": plan.sweep.settings.seed,
            "axes": dict(plan.sweep.axes),
            "parallel": self.is_parallel,
            "outcome": str(plan.paths.outcome),
            "logs": str(plan.paths.logs),
            "set": redact.table(plan.sweep.cli_overrides),
            "notices": [
                *([self.notice] if self.notice else []),
                *notices(plan, is_parallel=self.is_parallel),
                *repeated_training(plan),
            ],
            "devices": [*(self._gpu_json(status) for status in self.gpus), *map(self._slot_json, self._plain_slots)],
            "experiments": [
                self._experiment_json(decision, expected, starts.get(decision.experiment.name))
                for decision in plan.decisions
            ],
            "order": [start.experiment for start in expected.starts],
            "waves": [[start.experiment for start in wave] for wave in expected.waves],
            "expected": {
                "seconds": expected.seconds,
                "work_seconds": expected.work_seconds,
                "memory_bytes": expected.memory_bytes,
                "gpu_memory_bytes": expected.gpu_memory_bytes,
            },
            "files": [asdict(files) for files in written_files(plan)],
            **({"cluster": asdict(self.cluster)} if self.cluster is not None else {}),
        }

    @property
    def _plain_slots(self) -> list[Slot]:
        """The slots whose device has no UUID: CPU slots, and GPUs that no driver library tells about."""
        return [slot for slot in self.slots if not slot.device.uuid]

    def _experiment_json(self, decision: Decision, expected: Forecast, start: ScheduledStart | None) -> dict[str, Any]:
        shown, estimate = decision.experiment.shown, expected.estimates.get(decision.experiment.name)
        content = {
            "name": shown.name,
            "configuration": shown.configuration,
            "seed": shown.seed,
            "cell": shown.cell,
            "action": decision.action,
            "why": decision.why,
            "attempt": decision.attempt,
            "ending": decision.evidence.ending,
            "overrides": shown.overrides,
            "config": shown.config,
            "digest": shown.digest,
            "expected": asdict(estimate) if estimate else None,
            "wave": start.wave if start else None,
            "device": SlotSet.of(self.slots, start.slots).device if start else None,
            "after": start.after if start else None,
        }
        return content | ({"repeats": asdict(decision.repeats)} if decision.repeats is not None else {})

    def _gpu_json(self, status: GpuStatus) -> dict[str, Any]:
        threads = {slot.device.uuid: slot.threads for slot in self.slots}
        gpu, launcher = status.gpu, status.occupancy.launcher
        return {
            "id": gpu.id,
            "kind": "cuda",
            "uuid": gpu.uuid,
            "name": gpu.name,
            "is_used": gpu.uuid in threads,
            "threads": threads.get(gpu.uuid),
            "memory_bytes": gpu.memory_bytes,
            "free_bytes": gpu.memory_bytes - gpu.used_bytes,
            "processes": [asdict(process) for process in status.occupancy.processes],
            "launcher": asdict(launcher) if launcher else None,
        }

    def _slot_json(self, slot: Slot) -> dict[str, Any]:
        return {
            "id": slot.device.id,
            "kind": slot.device.kind,
            "uuid": "",
            "name": slot.device.name,
            "is_used": True,
            "threads": slot.threads,
            "memory_bytes": None,
            "free_bytes": self.free_memory_bytes,
            "processes": [],
            "launcher": None,
        }


def preview(sweep: Sweep, options: LaunchOptions) -> Preview:
    """Return what a launch would do, on which devices, and what it would take. Starts and writes nothing.

    Raises:
        InputError: something is wrong with the sweep or the devices.
        NoDeviceError: no device may be used.
    """
    if name := options.cluster(sweep):
        from launcher.planning.cluster_plan import ClusterPlan
        from launcher.planning.cluster_slots import cluster_slots

        plan = _decided(sweep, name, options)
        slots = cluster_slots(sweep, name, len(plan.to_run))
        return Preview(plan, slots, [], is_parallel=True, cluster=ClusterPlan.of(plan, name, asks=options.ask))
    existing = nvml.find_gpus()
    choice = options.choose(sweep.settings, existing)
    plan = _decided(sweep, "", options)
    slots = options.slots(choice.devices, sweep.settings)
    return Preview(
        plan, slots, [*map(_status, existing)], options.is_parallel(sweep.settings), choice.notice, free_memory()
    )


def _status(gpu: Gpu) -> GpuStatus:
    from launcher.devices.occupancy import occupancy  # not at the top: without GPUs nobody is on one

    return GpuStatus(gpu, occupancy(gpu))


def _decided(sweep: Sweep, cluster: str, options: LaunchOptions) -> Plan:
    plan = decide(sweep, resolve(sweep), Paths(sweep.outcome, sweep.logs), fresh=options.fresh)
    check_open(plan, cluster, fresh=options.fresh)
    return plan


def written_files(plan: Plan) -> list[WrittenFiles]:
    """Return the files that a launch of the plan writes; nothing if there is nothing to run."""
    if not plan.to_run:
        return []
    each, paths, metrics, kinds = len(plan.to_run), plan.paths, plan.sweep.settings.metrics, plan.sweep.settings.plots
    has_seeds = len({each.experiment.configuration for each in plan.decisions}) < len(plan.decisions)
    curves = metrics if len(plan.decisions) <= MOST_CURVES else ()
    num_axes = max((len(decision.experiment.cell) for decision in plan.decisions), default=0)
    of_grid = metrics[:MOST_BY_AXIS] if num_axes else ()
    at_once = of_grid if num_axes > 1 and len(plan.decisions) >= LEAST_RESULTS else ()
    found = [
        (paths.log(ANY), each, "appended to"),
        (paths.records(ANY), each, "every record"),
        *([(paths.telemetry(ANY), each, "what it uses")] if plan.sweep.settings.telemetry_s else []),
        (paths.checkpoints(ANY), each, "until it is done"),
        (paths.report_html, 1, "all of it, as a page"),
        (paths.report_md, 1, "the same as Markdown"),
        (paths.table_txt, 1, "to read"),
        (paths.table_csv, 1, "for programs"),
        *([(paths.runs_csv, 1, "a row an experiment")] if has_seeds else []),
        *((paths.curve(metric, ANY, kind), each, "") for metric in curves for kind in kinds),
        *((paths.curves(metric, kind), 1, "compared") for metric in metrics for kind in kinds),
        *((paths.by_axis(metric, kind), 1, "by the axes") for metric in of_grid for kind in kinds),
        *((paths.parallel(metric, kind), 1, "all axes at once") for metric in at_once for kind in kinds),
        (paths.sweep, 1, "what was planned"),
        (paths.events, 1, "appended to"),
        (paths.run(ANY), 0, "the script's own")
        if plan.sweep.settings.command
        else (paths.outcome, 0, "the target's own"),
    ]
    return [WrittenFiles(str(path), count, what) for path, count, what in found]
