"""The manifest of a sweep, `sweep.json`: which experiments were planned, and where and with what they were launched.

A launch writes it when it begins. Later launches read it to continue the sweep, `status` and `report` to describe it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from launcher.config import redact
from launcher.config.identity import Before
from launcher.errors import InputError
from launcher.store import values
from launcher.store.files import read
from launcher.store.launch_info import LaunchInfo
from launcher.store.metric import Metric
from launcher.store.names import NAME_RULE, is_metric, is_name
from launcher.store.paths import PLOTS, Paths, write_atomic
from launcher.store.values import Fields

FORMAT = 1
X = ("step", "tokens", "time", "share")  # what the curves of a comparison may be drawn over


@dataclass(frozen=True)
class ManifestExperiment:
    """One experiment as `sweep.json` has it."""

    name: str
    overrides: dict[str, Any]
    config: dict[str, Any]
    digest: str
    work: float | None = None
    inputs: dict[str, str] = field(default_factory=dict)  # path → sha256 of the files the result depends on
    content: str | None = None  # the digest of the configuration below; `digest` may be that of an earlier launch
    at_default: list[str] | None = None  # fields that have their class's default, as dotted keys
    left_out: list[str] | None = None  # fields that do not count
    defaults: dict[str, Any] = field(default_factory=dict)  # what a script's parser adds; not part of the identity
    seed: int = 0  # with which its random generators start
    group: str = ""  # the name of its configuration, which experiments on other seeds share; empty: its own name
    cell: dict[str, Any] = field(default_factory=dict)  # its place in the grid: the value or label on each axis

    @property
    def configuration(self) -> str:
        """The name of its configuration. Experiments that differ in the seed alone share it."""
        return self.group or self.name

    @property
    def before(self) -> Before:
        """The earlier state of the experiment, by which a later launch finds out whether it has changed."""
        return Before(self.config, self.digest, self.content, self.at_default, self.left_out)


@dataclass(frozen=True)
class Looks:
    """How a job file wants its plots to look."""

    plots: Sequence[str]  # kinds of files
    x: Sequence[str]
    metric_details: Mapping[str, Mapping[str, str]]  # unit and scale, by metric
    is_maximize_given: bool = False  # the job file says what is maximized, be it nothing


@dataclass(frozen=True)
class Manifest:
    """The content of `sweep.json`: what a later launcher, a report or a person needs to know about the sweep."""

    name: str
    job_file: str
    target: str  # "module:function", or the command in one line
    seed: int
    metrics: list[str]
    maximize: list[str]
    experiments: list[ManifestExperiment]
    launch: LaunchInfo = field(default_factory=LaunchInfo)  # the newest
    former: list[ManifestExperiment] = field(default_factory=list)  # no longer in the job, and may come back
    metric_details: dict[str, dict[str, str]] = field(default_factory=dict)  # units and scales, by metric
    plots: list[str] = field(default_factory=lambda: ["png"])  # the kinds of files of each plot
    command: list[str] = field(default_factory=list)  # as the job file has it; empty for a target
    x: list[str] = field(default_factory=lambda: ["step", "tokens"])  # what comparisons are drawn over
    axes: dict[str, list[Any]] = field(default_factory=dict)  # of the grid: the values or labels on each, in order
    is_maximize_given: bool = False  # the job file says what is maximized, be it nothing

    @property
    def trained_by(self) -> str:
        """What a person calls that which trains its experiments: a target or a command."""
        return "command" if self.command else "target"

    def with_looks(self, looks: Looks) -> Manifest:
        """Return the manifest with other looks of its plots. Units and scales that these do not name stay."""
        said = {
            name: {**self.metric_details.get(name, {}), **details} for name, details in looks.metric_details.items()
        }
        details = _metric_details({**self.metric_details, **said})
        given = looks.is_maximize_given
        return replace(self, plots=list(looks.plots), x=list(looks.x), metric_details=details, is_maximize_given=given)

    def metric(self, name: str) -> Metric:
        """Return a metric with what job file and target say of it."""
        return Metric.of_details(name, self.metric_details.get(name), is_maximized=name in self.maximize)


def write_manifest(paths: Paths, manifest: Manifest) -> None:
    """Write `sweep.json`, whole or not at all."""
    write_atomic(paths.sweep, manifest_text(manifest))


def is_same(manifest: Manifest, before: Manifest) -> bool:
    """Return whether a manifest, once written and read again, would equal `before`, which was read. NaN equals NaN."""
    return repr(_parse(values.load(manifest_text(manifest).encode()))) == repr(before)


def manifest_text(manifest: Manifest) -> str:
    """Return the content of `sweep.json`, without secrets."""
    experiments, former = (
        [_without_secrets(experiment).__dict__ for experiment in planned]
        for planned in (manifest.experiments, manifest.former)
    )
    hidden = {"experiments": experiments, "launch": manifest.launch.to_json(), "former": former}
    content = {"format": FORMAT} | manifest.__dict__ | hidden
    return json.dumps(content, indent=1, default=str) + "\n"


def _without_secrets(experiment: ManifestExperiment) -> ManifestExperiment:
    overrides, config = redact.table(experiment.overrides), redact.table(experiment.config)
    return replace(experiment, overrides=overrides, config=config, defaults=redact.table(experiment.defaults))


def read_manifest(paths: Paths) -> Manifest | None:
    """Return the manifest of a sweep; None if there is no file. Fields that this version does not know are ignored.

    Secrets are `***`, also where an earlier version of the launcher wrote them down.

    Raises:
        InputError: the file cannot be read, or is not a manifest of this version.
    """
    try:
        return _parse(values.load(read(paths.sweep)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{paths.sweep} cannot be read: {why}.\n  Move this file away and launch the sweep again: what the records "
            f"in {paths.sweep.parent} say is done is kept."
        ) from error


def _parse(content: Any) -> Manifest:
    """Return the manifest in a JSON value. Its names must obey the rules of a job file, because they become file names.

    Raises:
        ValueError: a field is missing or wrong.
    """
    file = Fields(content)
    if file.whole("format") != FORMAT:
        raise ValueError("written by another version of the launcher")
    experiments, former = (
        [
            _parse_experiment(Fields(entry, f"{key}[{number}]."), content.get("seed"))
            for number, entry in enumerate(listed)
        ]
        for key, listed in (
            ("experiments", file.list("experiments", "a list", lambda _entry: True)),
            ("former", content["former"] if isinstance(content.get("former"), list) else []),
        )
    )
    repeated = [
        name for name, count in Counter(experiment.name.casefold() for experiment in experiments).items() if count > 1
    ]
    if repeated:
        raise ValueError(f"two experiments are named {repeated[0]}")
    metrics, maximize = (file.list(key, 'a list of names like "loss"', is_metric) for key in ("metrics", "maximize"))
    launch, details = content.get("launch"), content.get("metric_details")
    return Manifest(
        name=file.text("name"),
        job_file=file.text("job_file"),
        target=file.text("target"),
        seed=file.whole("seed"),
        metrics=metrics,
        maximize=maximize,
        experiments=experiments,
        launch=LaunchInfo.from_json(launch) if isinstance(launch, dict) else LaunchInfo(),
        former=former,
        metric_details=_metric_details(details if isinstance(details, dict) else {}),
        command=values.texts(content.get("command")),
        plots=[kind for kind in PLOTS if kind in values.texts(content.get("plots"))] or ["png"],
        x=[x for x in values.texts(content.get("x")) if x in X] or ["step", "tokens"],
        axes=_axes(content.get("axes")),
        is_maximize_given=content.get("is_maximize_given") is True,
    )


def _metric_details(content: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return units and scales by metric; an earlier version wrote none. What is not of the right type is left out."""
    found = {name: Metric.of_details(name, details).details for name, details in content.items() if is_metric(name)}
    return {name: details for name, details in found.items() if details}


def _axes(content: Any) -> dict[str, list[Any]]:
    """Return the axes of the grid; an earlier version wrote none. What is not of the right type is left out."""
    if not isinstance(content, dict) or not values.is_shallow(content):
        return {}
    return {name: listed for name, listed in content.items() if isinstance(listed, list)}


def _parse_experiment(fields: Fields, seed_of_sweep: Any) -> ManifestExperiment:
    """Return an experiment. An earlier version wrote no seed: the sweep's was that of all experiments."""
    name = fields.get("name", f"a name: it has {NAME_RULE}", is_name)
    inputs, defaults, cell = (fields.optional(key) for key in ("inputs", "defaults", "cell"))
    group, seed = fields.optional("group"), values.whole(fields.optional("seed"), most=2**63 - 1)
    planned = ManifestExperiment(
        name=name,
        overrides=fields.table("overrides"),
        config=fields.table("config"),
        digest=fields.text("digest"),
        work=values.finite(fields.optional("work"), least=0) or None,
        inputs={path: values.text(sha) for path, sha in inputs.items()} if isinstance(inputs, dict) else {},
        content=values.text(fields.optional("content")) or None,
        at_default=_names(fields.optional("at_default")),
        left_out=_names(fields.optional("left_out")),
        defaults=defaults if isinstance(defaults, dict) and values.is_shallow(defaults) else {},
        seed=(values.whole(seed_of_sweep, most=2**63 - 1) or 0) if seed is None else seed,
        group=group if is_name(group) else "",
        cell=cell if isinstance(cell, dict) and values.is_shallow(cell) else {},
    )
    return _without_secrets(planned)


def _names(content: Any) -> list[str] | None:
    """Return the names in a list; None if an earlier version wrote no list."""
    return None if content is None else values.texts(content)
