"""What experiments have left that begin anew: moved aside by rename, never removed. Called by a launch alone.

    outcome/earlier/<number>/             what one launch has moved, laid out as an outcome folder: `report` reads it
        sweep.json                        the configurations those experiments had
        records/ telemetry/ checkpoints/  the launcher's own files of the experiments
        …                                 artefacts: what has an experiment's name in its own name, see `owners`

A move is whole or undone. Everything is gathered in `<number>.unfinished/`, which is renamed to `<number>/` in the end.
A launcher that is killed between two renames leaves that folder behind; the next launch puts everything back where it
was (`mend`) before it decides anything.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from launcher.errors import WriteError
from launcher.planning.decision import Decision, PlannedAction
from launcher.planning.plan import Plan
from launcher.store.events import EventLog, MovedAside
from launcher.store.manifest import ManifestExperiment, manifest_text
from launcher.store.names import is_name
from launcher.store.paths import Paths

_UNFINISHED = ".unfinished"
_NAMED = 4  # experiments that are told by name
_DEPTH = 8  # folders below the outcome folder in which artefacts are looked for


def owners(file: str, names: Iterable[str]) -> set[str]:
    """Return the experiments whose name stands in a file's name, between delimiters; a longer name wins over a shorter.

    `model_lr_1e-3.pt` is of `lr_1e-3`, not of `lr`. A name with two experiments side by side is of both.
    """
    found: list[tuple[int, int, str]] = []
    for name in sorted(set(names), key=len, reverse=True):
        for match in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", file):
            longer = (place for place in found if len(place[2]) > len(name))
            if all(match.end() <= start or end <= match.start() for start, end, _ in longer):
                found.append((match.start(), match.end(), name))
    return {name for _, _, name in found}


class Earlier:
    """What the experiments of a plan have left that begin anew. The launch that owns it holds the folder's lock."""

    def __init__(self, plan: Plan) -> None:
        self._paths = plan.paths
        self._before = before = plan.previous
        self._anew = [
            one for one in plan.to_run if one.action is not PlannedAction.RESUME and not one.evidence.obstacle
        ]
        known = before.experiments if before else ()
        recorded = (path.stem for path in plan.paths.records_folder.glob("*.jsonl") if is_name(path.stem))
        self._names = {*(one.experiment.name for one in plan.decisions), *(one.name for one in known), *recorded}
        metrics = {*plan.sweep.settings.metrics, *(before.metrics if before else ())}
        self._ours = plan.paths.own(metrics)
        self._views = {plan.paths.curve(metric, name): name for metric in metrics for name in self._names}
        number = _next_number(plan.paths)
        self._gathering = plan.paths.earlier(f"{number}{_UNFINISHED}")
        self._folder = plan.paths.earlier(number)
        self._gathered: list[ManifestExperiment] = []  # what was trained of each experiment that has left something

    @property
    def kept(self) -> list[str]:
        """The experiments that have left something."""
        return [planned.name for planned in self._gathered]

    def move(self) -> None:
        """Move everything aside.

        Raises:
            OSError: something could not be moved; `undo` puts back what was.
        """
        for decision in self._anew:
            self._gather(decision)
        if self._gathered:
            if self._before is not None:
                document = replace(self._before, experiments=self._gathered)
                Paths(self._gathering, self._paths.logs).sweep.write_text(manifest_text(document))
            self._gathering.rename(self._folder)

    def undo(self) -> None:
        """Put back everything, as if nothing had been moved.

        Raises:
            WriteError: something could not be put back; says where it is.
        """
        with contextlib.suppress(OSError):  # it was not finished
            self._folder.rename(self._gathering)
        mend(self._paths)

    def note(self) -> None:
        """Write down what was moved where, and remove records without a step, which tell nothing.

        Neither is worth ending a launch for: a disk that is full is told of with the next event.
        """
        with contextlib.suppress(OSError), contextlib.closing(EventLog(self._paths.events)) as events:
            for experiment in self.kept:
                folder = str(self._folder.relative_to(self._paths.outcome))
                events.append(MovedAside(experiment, folder))
        for decision in self._anew:
            if decision.repeats is not None and decision.repeats.is_set_aside:
                with contextlib.suppress(OSError):  # then they are appended to
                    self._paths.telemetry(decision.experiment.name).unlink(missing_ok=True)
                    self._paths.records(decision.experiment.name).unlink(missing_ok=True)

    def describe(self) -> str:
        """Return the line that says where everything is now."""
        many = f"{len(self.kept)} experiments"
        return f"what {many if len(self.kept) > _NAMED else ', '.join(self.kept)} left is kept in {self._folder}"

    def _gather(self, decision: Decision) -> None:
        """Move what an experiment has left, the records last: they say that there was an attempt.

        Records of the same configuration stay: the next attempt appends to them. So do artefacts then, as a target may
        go on from them by itself. Checkpoints that are there are of no use to it.
        """
        name, repeats = decision.experiment.name, decision.repeats
        files, copies = [self._paths.checkpoints(name)], []
        if repeats is not None and repeats.is_set_aside:
            if decision.action is PlannedAction.REDO:
                found = dict(self._artefacts(self._paths.outcome, name))
                files = [path for path, is_shared in found.items() if not is_shared] + files
                copies = [path for path, is_shared in found.items() if is_shared]
            if repeats.steps:
                files += [self._paths.telemetry(name), self._paths.records(name)]
        files = [path for path in files if os.path.lexists(path)]
        if not files and not copies:
            return
        for path in copies:
            _copy(path, self._gathering / path.relative_to(self._paths.outcome))
        for path in files:
            _move(path, self._gathering / path.relative_to(self._paths.outcome))
        planned, digest = decision.evidence.planned, repeats.digest if repeats is not None else ""
        is_known = planned is not None and planned.digest == digest
        self._gathered.append(planned if planned is not None and is_known else ManifestExperiment(name, {}, {}, digest))

    def _artefacts(self, folder: Path, experiment: str, depth: int = 0) -> Iterator[tuple[Path, bool]]:
        """Yield what belongs to an experiment by its name, and whether it may be another's as well."""
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path in self._ours or self._is_log(path):
                continue
            is_folder = path.is_dir() and not path.is_symlink()
            of = {self._views[path]} if path in self._views else owners(path.name, self._names)
            if is_folder and _holds_sweep(path, deep=bool(of)):  # another's folder, made within this one
                continue
            if experiment in of:
                yield path, len(of) > 1
            elif is_folder and not of and depth < _DEPTH:
                yield from self._artefacts(path, experiment, depth + 1)

    def _is_log(self, path: Path) -> bool:
        logs = self._paths.logs.resolve()
        here = path.resolve()
        return here == logs or (here.parent == logs and here.suffix == ".log")


def mend(paths: Paths) -> None:
    """Put back what a launcher that was killed had begun to move aside; call with the folder's lock held.

    Raises:
        WriteError: something could not be put back; says where it is.
    """
    for aside in sorted(paths.earliest.glob(f"*{_UNFINISHED}")):
        try:
            _put_back(aside, paths.outcome)
            if any(files for _, _, files in os.walk(aside)):  # something has taken its place: then it stays where it is
                aside.rename(aside.with_name(aside.name.removesuffix(_UNFINISHED)))
                continue
            shutil.rmtree(aside)
            with contextlib.suppress(OSError):  # earlier things are there
                paths.earliest.rmdir()
        except OSError as error:
            raise WriteError(
                f"{aside} has what a stopped launch had begun to move aside, and it cannot be put back: "
                f"{error.strerror}.\n  Move its content into {paths.outcome} by hand, remove it, and run again."
            ) from error


def _put_back(aside: Path, outcome: Path) -> None:
    for folder, folders, files in os.walk(aside):
        here = Path(folder)
        for name in [*folders, *files]:
            path = here / name
            place = outcome / path.relative_to(aside)
            if path == aside / "sweep.json":
                path.unlink()
            elif not os.path.lexists(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                _move(path, place)
            elif path.is_file() and place.is_file() and filecmp.cmp(path, place, shallow=False):
                path.unlink()  # a copy, see `gather`
        folders[:] = [name for name in folders if (here / name).is_dir() and not (here / name).is_symlink()]


def _next_number(paths: Paths) -> int:
    names = [path.name.removesuffix(_UNFINISHED) for path in paths.earliest.glob("*")]
    return max((int(name) for name in names if name.isdecimal()), default=0) + 1


def _holds_sweep(folder: Path, *, deep: bool) -> bool:
    for _, folders, files in os.walk(folder):
        if "sweep.json" in files or ".lock" in files:
            return True
        if not deep:
            folders.clear()
    return False


def _move(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(path, place)  # a folder that is a link to another disk


def _copy(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, place, symlinks=True)
    else:
        shutil.copy2(path, place, follow_symlinks=False)
