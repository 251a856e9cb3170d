"""What a sweep leaves behind about itself: `sweep.json` (what was planned, where, with what) and `events.jsonl`.

Both are read again to continue a sweep, to report on it, and to say what it is doing. The records tell what experiments
measured; only here stands how the launcher saw an attempt end.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from launcher.config import redact
from launcher.config.identity import Before
from launcher.errors import InputError
from launcher.store import values
from launcher.store.files import read
from launcher.store.launch_info import LaunchInfo
from launcher.store.names import NAME_RULE, is_metric, is_name
from launcher.store.paths import Paths, write_atomic
from launcher.store.values import Fields

FORMAT = 1


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

    @property
    def before(self) -> Before:
        """What tells whether an experiment has changed since."""
        return Before(self.config, self.digest, self.content, self.at_default, self.left_out)


@dataclass(frozen=True)
class Manifest:
    """The content of `sweep.json`: what a later launcher, a report or a person needs to know about the sweep."""

    name: str
    job_file: str
    target: str
    seed: int
    metrics: list[str]
    maximize: list[str]
    experiments: list[ManifestExperiment]
    launch: LaunchInfo = field(default_factory=LaunchInfo)  # the newest
    former: list[ManifestExperiment] = field(default_factory=list)  # no longer in the job, and may come back


def write_manifest(paths: Paths, document: Manifest) -> None:
    """Write `sweep.json`, whole or not at all."""
    write_atomic(paths.sweep, manifest_text(document))


def is_written(document: Manifest, before: Manifest) -> bool:
    """Say whether a document that was read is what this one would be read as; NaN is the same as NaN."""
    return repr(_document(values.load(manifest_text(document).encode()))) == repr(before)


def manifest_text(document: Manifest) -> str:
    """Return the content of `sweep.json`, without secrets."""
    experiments, former = (
        [_without_secrets(one).__dict__ for one in planned] for planned in (document.experiments, document.former)
    )
    hidden = {"experiments": experiments, "launch": document.launch.to_json(), "former": former}
    content = {"format": FORMAT} | document.__dict__ | hidden
    return json.dumps(content, indent=1, default=str) + "\n"


def _without_secrets(one: ManifestExperiment) -> ManifestExperiment:
    return replace(one, overrides=redact.table(one.overrides), config=redact.table(one.config))


def read_manifest(paths: Paths) -> Manifest | None:
    """Return the content of `sweep.json`, or None where there is none. Fields that are not known here are passed over.

    Secrets are `***`, also in a file of an earlier version, which wrote them down.

    Raises:
        InputError: the file is not one of ours.
    """
    try:
        return _document(values.load(read(paths.sweep)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{paths.sweep} cannot be read: {why}.\n  If the folder holds nothing you need, move it away, run again."
        ) from error


def _document(content: Any) -> Manifest:
    """Return what `sweep.json` says; its names are held to the rules of a job file, as they become file names.

    Raises:
        ValueError: a field is not as it must be.
    """
    file = Fields(content)
    if file.whole("format") != FORMAT:
        raise ValueError("written by another version of the launcher")
    experiments, former = (
        [_planned(Fields(one, f"{key}[{number}].")) for number, one in enumerate(listed)]
        for key, listed in (
            ("experiments", file.list("experiments", "a list", lambda one: True)),
            ("former", content["former"] if isinstance(content.get("former"), list) else []),
        )
    )
    repeated = [name for name, count in Counter(one.name.casefold() for one in experiments).items() if count > 1]
    if repeated:
        raise ValueError(f"two experiments are named {repeated[0]}")
    metrics, maximize = (file.list(key, 'a list of names like "loss"', is_metric) for key in ("metrics", "maximize"))
    launch = content.get("launch")
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
    )


def _planned(one: Fields) -> ManifestExperiment:
    name = one.get("name", f"a name: it has {NAME_RULE}", is_name)
    inputs = one.optional("inputs")
    planned = ManifestExperiment(
        name=name,
        overrides=one.table("overrides"),
        config=one.table("config"),
        digest=one.text("digest"),
        work=values.finite(one.optional("work"), least=0) or None,
        inputs={path: values.text(sha) for path, sha in inputs.items()} if isinstance(inputs, dict) else {},
        content=values.text(one.optional("content")) or None,
        at_default=_names(one.optional("at_default")),
        left_out=_names(one.optional("left_out")),
    )
    return _without_secrets(planned)


def _names(content: Any) -> list[str] | None:
    """Return the names in a list; None where an earlier version has written none."""
    return None if content is None else values.texts(content)
