"""The files of experiments that begin anew. A launch moves them aside by rename; it never removes them.

    outcome/earlier/<number>/             what one launch has moved, laid out as an outcome folder: `report` reads it
        sweep.json                        the configurations that those experiments had
        records/ telemetry/ checkpoints/  the launcher's own files of the experiments
        …                                 artefacts: files with an experiment's name in their own (`named_experiments`)

A move is whole or undone. Everything is gathered in `<number>.unfinished/`, and this folder is renamed to `<number>/`
in the end. A launcher that is killed between two renames leaves `<number>.unfinished/` behind. The next launch puts its
content back (`undo_unfinished_moves`) before it decides anything.
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
from launcher.store.paths import PLOTS, Paths

_UNFINISHED = ".unfinished"
_NUM_NAMED = 4  # experiments that a message names; of more it tells the number
_DEPTH = 8  # folders below the outcome folder in which artefacts are looked for


def named_experiments(file: str, names: Iterable[str]) -> set[str]:
    """Return the experiments whose names stand in a file's name, between characters that are no letters or digits.

    Where two names overlap, the longer name counts: `model_lr_1e-3.pt` is of `lr_1e-3` and not of `lr`. A file name
    with two experiments side by side, such as `lr_vs_wd.txt`, is of both.
    """
    found: list[tuple[int, int, str]] = []
    for name in sorted(set(names), key=len, reverse=True):
        for match in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", file):
            longer = (place for place in found if len(place[2]) > len(name))
            if all(match.end() <= start or end <= match.start() for start, end, _ in longer):
                found.append((match.start(), match.end(), name))
    return {name for _, _, name in found}


class EarlierFiles:
    """The files of those experiments of a plan that begin anew. The launch holds the lock of the folder."""

    def __init__(self, plan: Plan) -> None:
        self._paths = plan.paths
        self._before = before = plan.previous
        self._anew = [
            decision for decision in plan.to_run if decision.action.is_from_beginning and not decision.evidence.obstacle
        ]
        known = before.experiments if before else ()
        recorded = (path.stem for path in plan.paths.records_folder.glob("*.jsonl") if is_name(path.stem))
        self._names = (
            {decision.experiment.name for decision in plan.decisions} | {entry.name for entry in known} | {*recorded}
        )
        metrics = {*plan.sweep.settings.metrics, *(before.metrics if before else ())}
        self._ours = plan.paths.own(metrics)
        self._views = {
            plan.paths.curve(metric, name, kind): name for metric in metrics for name in self._names for kind in PLOTS
        }
        number = _next_number(plan.paths)
        self._gathering = plan.paths.earlier(f"{number}{_UNFINISHED}")
        self._folder = plan.paths.earlier(number)
        self._gathered: list[ManifestExperiment] = []  # for each experiment with files: what was trained
        self._with_checkpoints = _names(plan.paths.checkpoints_folder)

    @property
    def experiments(self) -> list[str]:
        """The experiments whose files were moved."""
        return [entry.name for entry in self._gathered]

    def move(self) -> None:
        """Move all the files aside.

        Raises:
            OSError: a file could not be moved; `undo` puts back those that were.
        """
        for decision in self._anew:
            self._gather(decision)
        if self._gathered:
            if self._before is not None:
                manifest = replace(self._before, experiments=self._gathered)
                Paths(self._gathering, self._paths.logs).sweep.write_text(manifest_text(manifest))
            self._gathering.rename(self._folder)

    def undo(self) -> None:
        """Put back all the files, as if none had been moved.

        Raises:
            WriteError: a file could not be put back; the message says where it is.
        """
        with contextlib.suppress(OSError):  # it still has its unfinished name
            self._folder.rename(self._gathering)
        undo_unfinished_moves(self._paths)

    def record(self) -> None:
        """Write down what was moved where, and remove records that have no step and so tell nothing.

        Neither is worth ending a launch for: the next event tells of a disk that is full.
        """
        with contextlib.suppress(OSError), contextlib.closing(EventLog(self._paths.events)) as events:
            for experiment in self.experiments:
                folder = str(self._folder.relative_to(self._paths.outcome))
                events.append(MovedAside(experiment, folder))
        for decision in self._anew:
            if decision.repeats is not None and decision.repeats.is_set_aside:
                with contextlib.suppress(OSError):  # then the next attempt appends to them
                    self._paths.telemetry(decision.experiment.name).unlink(missing_ok=True)
                    self._paths.records(decision.experiment.name).unlink(missing_ok=True)

    def describe(self) -> str:
        """Return the line that says where the files are now."""
        names = self.experiments
        whose = ", ".join(names) if len(names) <= _NUM_NAMED else f"{len(names)} experiments"
        return f"what {whose} left is kept in {self._folder}"

    def _gather(self, decision: Decision) -> None:
        """Move the files of an experiment. The records go last, because they say that there was an attempt.

        Records of the same configuration stay, and the next attempt appends to them. Artefacts of the same
        configuration stay too, because a target may go on from them by itself. Checkpoints are moved in any case: the
        decision was that none of them can be used.
        """
        name, repeats = decision.experiment.name, decision.repeats
        files, copies = [self._paths.checkpoints(name)] if name in self._with_checkpoints else [], []
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
        """Yield each file and folder named for an experiment, and whether it is named for another as well."""
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path in self._ours or self._is_log(path):
                continue
            is_folder = path.is_dir() and not path.is_symlink()
            named = {self._views[path]} if path in self._views else named_experiments(path.name, self._names)
            if is_folder and _holds_sweep(path, deep=bool(named)):  # the folder of another sweep, within this one
                continue
            if experiment in named:
                yield path, len(named) > 1
            elif is_folder and not named and depth < _DEPTH:
                yield from self._artefacts(path, experiment, depth + 1)

    def _is_log(self, path: Path) -> bool:
        logs = self._paths.logs.resolve()
        here = path.resolve()
        return here == logs or (here.parent == logs and here.suffix == ".log")


def _names(folder: Path) -> frozenset[str]:
    """Return the names in a folder; none if it is missing, or is no folder."""
    try:
        return frozenset(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def undo_unfinished_moves(paths: Paths) -> None:
    """Put back what a launcher that was killed had begun to move aside. The caller holds the folder's lock.

    Raises:
        WriteError: something could not be put back; the message says where it is.
    """
    for aside in sorted(paths.earliest.glob(f"*{_UNFINISHED}")):
        try:
            _put_back(aside, paths.outcome)
            if any(files for _, _, files in os.walk(aside)):  # another file has taken its place: it stays aside
                aside.rename(aside.with_name(aside.name.removesuffix(_UNFINISHED)))
                continue
            shutil.rmtree(aside)
            with contextlib.suppress(OSError):  # it has files of earlier launches
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
                path.unlink()  # `_gather` has copied it
        folders[:] = [name for name in folders if (here / name).is_dir() and not (here / name).is_symlink()]


def _next_number(paths: Paths) -> int:
    names = [path.name.removesuffix(_UNFINISHED) for path in paths.earliest.glob("*")]
    return max((int(name) for name in names if name.isdecimal()), default=0) + 1


def _holds_sweep(folder: Path, *, deep: bool) -> bool:
    """Return whether a folder is an outcome folder; with `deep` also whether a folder somewhere within it is."""
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
        shutil.move(path, place)  # the folder is a link to another disk


def _copy(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, place, symlinks=True)
    else:
        shutil.copy2(path, place, follow_symlinks=False)
