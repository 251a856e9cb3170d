"""From a sweep and its folders to a plan: what a launch would do with each experiment.

Making a plan starts nothing, writes nothing and imports no torch. `earlier_attempts` reads what earlier launches left,
`decision` has the rules, and `wording` says the plan in words.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from launcher.config import redact
from launcher.errors import InputError
from launcher.planning.decision import Decision, PlannedAction, decide_experiment
from launcher.planning.estimate import DurationEstimate, longest_first, on_other_seeds
from launcher.planning.evidence import Evidence, nothing_left
from launcher.planning.experiment import Experiment
from launcher.planning.folder_owner import check_folder_owner
from launcher.planning.foreign_files import check_foreign_files
from launcher.planning.job import Sweep
from launcher.planning.metrics import described
from launcher.planning.target_source import find_metrics
from launcher.store.ending import EndingKind
from launcher.store.paths import PLOTS, Paths

if TYPE_CHECKING:
    from pathlib import Path

    from launcher.store.launch_info import LaunchInfo
    from launcher.store.manifest import Manifest, ManifestExperiment


@dataclass(frozen=True)
class Plan:
    """What a launch would do with the experiments of a sweep."""

    sweep: Sweep
    paths: Paths
    decisions: list[Decision]  # in the order of the job file
    previous: Manifest | None = None  # the `sweep.json` of the launch before
    folder_notices: Sequence[str] = ()  # what a person should know about where the sweep is and was
    metric_details: Mapping[str, dict[str, str]] = field(default_factory=dict)  # unit and scale, by metric

    @cached_property
    def absolute_paths(self) -> Paths:
        """The same files by paths that are valid in any working directory."""
        return self.paths.absolute()

    @cached_property
    def absolute_target_folder(self) -> Path:
        """The folder in which the target's module is searched first, valid in any working directory."""
        return self.sweep.target_folder.absolute()

    @cached_property
    def to_run(self) -> list[Decision]:
        """The decisions about experiments that will be trained, in the order of the job file."""
        return [decision for decision in self.decisions if decision.action.is_training]

    @property
    def durations(self) -> dict[str, DurationEstimate]:
        """Duration estimates of the experiments to run, and of finished ones with a `work`: they calibrate the rest."""
        experiments = [decision.experiment for decision in self.decisions]
        known = on_other_seeds(
            {decision.experiment.name: decision.duration for decision in self.decisions},
            {experiment.name: experiment.configuration for experiment in experiments},
        )
        return {
            decision.experiment.name: known[decision.experiment.name]
            for decision in self.decisions
            if decision.action.is_training or (decision.evidence.ending is EndingKind.DONE and decision.duration.work)
        }

    @property
    def order(self) -> list[str]:
        """The names of the experiments to run in the order of a parallel launch: seed by seed, the longest first.

        So a sweep that is stopped half-way has all configurations on its first seeds.
        """
        seeds = {decision.experiment.name: decision.experiment.seed for decision in self.to_run}
        places = {seed: place for place, seed in enumerate(dict.fromkeys(seeds.values()))}
        names = [name for name in longest_first(self.durations) if name in seeds]
        return sorted(names, key=lambda name: places[seeds[name]])

    @property
    def kept(self) -> dict[str, EndingKind]:
        """The experiments that are kept as they are, each with its ending."""
        return {
            decision.experiment.name: decision.evidence.ending or EndingKind.DONE
            for decision in self.decisions
            if decision.action is PlannedAction.KEEP
        }

    @property
    def metric(self) -> str:
        """The job's first metric, which the live view shows; empty if the job names none."""
        return _first_metric(self.sweep)

    @property
    def is_maximized(self) -> bool:
        """The largest value of the first metric is the best."""
        return self.metric in self.sweep.settings.maximize

    def manifest(self, launch: LaunchInfo) -> Manifest:
        """Return the content of `sweep.json` for this plan. The entry of an experiment that is left stays as it was."""
        from launcher.store.manifest import Manifest  # not at the top: only a launch writes it

        settings = self.sweep.settings
        return Manifest(
            name=self.sweep.name,
            job_file=str(self.sweep.job_file),
            target=self.sweep.trains,
            command=redact.words(settings.command),
            seed=settings.seed,
            metrics=list(settings.metrics),
            maximize=list(settings.maximize),
            experiments=[_manifest_entry(decision) for decision in self.decisions],
            launch=launch,
            former=self._former(),
            metric_details=dict(self.metric_details),
            axes=dict(self.sweep.axes),
            x=list(dict.fromkeys(settings.x)),
            plots=[kind for kind in PLOTS if kind in settings.plots],
            is_maximize_given=self.sweep.is_maximize_given,
        )

    def _former(self) -> list[ManifestExperiment]:
        """Return the entries of experiments that have records and are no longer in the job: they may come back."""
        from launcher.store.attempt_files import AttemptsOnCluster

        names = {decision.experiment.name for decision in self.decisions}
        known = [*self.previous.experiments, *self.previous.former] if self.previous else []
        cluster = AttemptsOnCluster(self.paths)
        former = (entry for entry in known if entry.name not in names)
        return [entry for entry in former if cluster.paths(entry.name).records(entry.name).exists()]


def decide(sweep: Sweep, experiments: Sequence[Experiment], paths: Paths, *, fresh: bool = False) -> Plan:
    """Look at what earlier launches left in the folders, and decide what a launch does with each experiment.

    Raises:
        InputError: the folders belong to another sweep or have files of other programs, or something cannot be read.
    """
    try:
        return _decide_all(sweep, experiments, paths, fresh)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}. Move it away and run again.") from error


def _decide_all(sweep: Sweep, experiments: Sequence[Experiment], paths: Paths, fresh: bool) -> Plan:
    previous, notices = check_folder_owner(sweep, paths)
    check_foreign_files(sweep, paths)
    found = _with_evidence(sweep, experiments, paths, previous)
    if sweep.settings.resume.glob:
        found = [(experiment, _with_files(sweep, experiment, evidence, paths)) for experiment, evidence in found]
    decisions = [
        decide_experiment(
            experiment, evidence, fresh=fresh, is_selected=sweep.only is None or experiment.name in sweep.only
        )
        for experiment, evidence in found
    ]
    target = sweep.settings.target
    details = described(find_metrics(target, sweep.target_folder) if target else {}, sweep.metric_details)
    return Plan(sweep, paths, decisions, previous, notices, details)


def _with_evidence(
    sweep: Sweep, experiments: Sequence[Experiment], paths: Paths, previous: Manifest | None
) -> list[tuple[Experiment, Evidence]]:
    """Return the experiments, each with its digest as earlier launches know it and with what these left of it."""
    if not os.path.lexists(paths.outcome):  # a new sweep: the modules that read what is left take 30 ms to import
        return [(experiment, nothing_left(experiment.work)) for experiment in experiments]
    from launcher.planning.earlier_attempts import EarlierAttempts

    metric = _first_metric(sweep)
    earlier = EarlierAttempts(paths, previous, metric, is_maximized=metric in sweep.settings.maximize)
    return [earlier.of(experiment) for experiment in experiments]


def _with_files(sweep: Sweep, experiment: Experiment, evidence: Evidence, paths: Paths) -> Evidence:
    """Return the evidence with what the script itself has left to go on from."""
    from launcher.planning.command_line import has_files_to_resume

    is_there = has_files_to_resume(sweep.settings, experiment, paths)
    return replace(evidence, has_checkpoint=True) if is_there else evidence


def _first_metric(sweep: Sweep) -> str:
    return next(iter(sweep.settings.metrics), "")


def _defaults(decision: Decision) -> dict[str, Any]:
    """Return the defaults of a script's parser. Those of the first launch stay: a default may be a date."""
    planned = decision.evidence.planned
    is_same = planned is not None and planned.digest == decision.experiment.digest
    return planned.defaults if planned is not None and is_same and planned.defaults else decision.experiment.defaults


def _manifest_entry(decision: Decision) -> ManifestExperiment:
    if decision.action is PlannedAction.LEAVE and decision.evidence.planned is not None:
        return decision.evidence.planned
    from launcher.store.manifest import ManifestExperiment

    experiment, content = decision.experiment, decision.experiment.content
    entry = ManifestExperiment(
        name=experiment.name,
        overrides=experiment.overrides,
        config=experiment.config,
        digest=experiment.digest,
        work=experiment.work,
        inputs=experiment.inputs,
        defaults=_defaults(decision),
        seed=experiment.seed,
        group=experiment.group,
        cell=experiment.cell,
    )
    if content is None:
        return entry
    return replace(entry, content=content.digest, at_default=content.at_default, left_out=content.left_out)
