"""How a sweep stands: reads its files once, and folds what they say of each experiment.

A reader that looks again and again, as the drawing process does, keeps the summaries and calls `read_sweep_state` for
every look: `sweep.json`, the lock and the events are read once a look, whatever the number of views.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.store.attempt_files import AttemptEnding, AttemptFiles, AttemptsOnCluster
from launcher.store.attempts import last_attempts
from launcher.store.ending import EndingKind
from launcher.store.events import Ended, LoggedEvent, Started, read_events
from launcher.store.experiment_state import ExperimentState, LaunchState, Phase, fold
from launcher.store.last_records import LastRecords
from launcher.store.locks import Holder, find_holder
from launcher.store.manifest import Looks, Manifest, read_manifest
from launcher.store.paths import Paths
from launcher.store.record_summary import SPEED, TOKENS, RecordSummary
from launcher.store.summary_file import SummaryReader

NOTHING: Mapping[str, LastRecords] = {}


@dataclass(frozen=True)
class SweepState:
    """What the files of a sweep say at one moment, except the records."""

    paths: Paths
    manifest: Manifest
    launcher: Holder | None  # who is at work in the folder
    launch: LaunchState
    events: Mapping[str, Sequence[LoggedEvent]]  # by experiment
    cluster: AttemptsOnCluster

    def with_metrics(self, metrics: Iterable[str], maximize: Iterable[str], looks: Looks | None = None) -> SweepState:
        """Return the same state with other metrics, and other looks of their plots, than those of the newest launch."""
        manifest = replace(self.manifest, metrics=list(metrics), maximize=list(maximize))
        return replace(self, manifest=manifest if looks is None else manifest.with_looks(looks))

    def fold(self, index: int, summary: RecordSummary) -> ExperimentState:
        """Return how one experiment stands, given its place in the manifest and its records."""
        planned = self.manifest.experiments[index]
        return fold(
            planned,
            summary,
            self.events.get(planned.name, ()),
            self.launch,
            index=index,
            metrics=self.manifest.metrics,
            maximize=self.manifest.maximize,
        )

    def reader(self, name: str, metrics: Collection[str] | None = None) -> SummaryReader:
        """Return a reader of the records of an experiment. `metrics`: those to make curves of; None: the sweep's."""
        wanted = [*(self.manifest.metrics if metrics is None else metrics), TOKENS, SPEED]
        return SummaryReader(self.cluster.paths(name).records(name), wanted, self.paths.summary(name))

    def read_experiments(
        self, metrics: Collection[str] | None = None, known: Mapping[str, LastRecords] = NOTHING
    ) -> list[ExperimentState]:
        """Return how every experiment stands, in the order of the job file.

        `metrics`: read only these from the records, in less time; None: all those of the sweep. `known`: the records of
        some, whose files are not opened.
        """
        return [
            self.fold(index, self.reader(planned.name, metrics).read(known.get(planned.name)))
            for index, planned in enumerate(self.manifest.experiments)
        ]


def read_sweep_state(paths: Paths, now_s: float) -> SweepState | None:
    """Return what the files of a sweep say; None if there is no sweep. `now_s` is the time since the epoch.

    Raises:
        InputError: `sweep.json` or the file of events cannot be read.
    """
    launcher = find_holder(paths.lock)  # first: what a launcher wrote before it let go is all there when we read
    cluster = AttemptsOnCluster(paths)
    manifest = read_manifest(paths)
    if manifest is None:
        return None
    events = read_events_by_experiment(paths.events)
    for name in cluster.names - cluster.open_attempts.keys():
        events.setdefault(name, []).extend(_untold(name, cluster.of(name), events.get(name, ())))
    launch = LaunchState(
        phase=_phase(manifest, launcher, events, cluster),
        launch=manifest.launch,
        now_s=now_s,
        on_cluster={name: files.open_attempt in files.claims for name, files in cluster.open_attempts.items()},
    )
    return SweepState(paths, manifest, launcher, launch, events, cluster)


def _untold(name: str, files: AttemptFiles, events: Sequence[LoggedEvent]) -> Iterator[LoggedEvent]:
    """Yield the events of an attempt on a cluster that ended without a launch, where its records do not tell the end.

    The next launch writes them down. Records tell the end of every other attempt.
    """
    newest, last = files.newest_claim, last_attempts(events).get(name)
    if not newest or (last is not None and last.attempt >= newest and last.ending is not None):
        return
    ended = AttemptEnding.read(files.path(newest, "end"))
    if ended is None or (kind_and_why := _beside_records(ended)) is None:
        return
    if last is None or last.attempt < newest:
        yield Started(name, newest, ended.node, 0, goes_on=newest > 1)
    yield Ended(name, newest, *kind_and_why, ended.seconds)


def _beside_records(ended: AttemptEnding) -> tuple[EndingKind, str] | None:
    """Return how an attempt ended and why, where its records do not tell that; None where they do."""
    if why := ended.refused or ended.verdict:
        return EndingKind.FAILED, why
    if ended.asked and not ended.had_worker:
        return EndingKind.INTERRUPTED, ""
    return ended.untold


def read_events_by_experiment(path: Path) -> dict[str, list[LoggedEvent]]:
    """Return the events of each experiment, in their order.

    Raises:
        InputError: what lies at the path is no file, or cannot be read.
    """
    found: dict[str, list[LoggedEvent]] = {}
    for event in read_events(path):
        found.setdefault(event.experiment, []).append(event)
    return found


def _phase(
    manifest: Manifest,
    launcher: Holder | None,
    events: Mapping[str, Sequence[LoggedEvent]],
    cluster: AttemptsOnCluster,
) -> Phase:
    """Return what the newest launch does.

    A launcher that is still checking the data holds the lock while `sweep.json` describes an earlier launch. An attempt
    on a cluster may end after its launch has left; the next launch writes down how.
    """
    launch = manifest.launch
    if launcher is not None:
        return "running" if launch.is_by(launcher) else "starting"
    if cluster.open_attempts:
        return "left"
    for name, first in launch.attempts.items():
        if name in cluster.names:
            continue
        last = last_attempts(events.get(name, ())).get(name)
        if last is not None and last.attempt >= first and last.ending is None:
            return "gone"
    return "ended"
