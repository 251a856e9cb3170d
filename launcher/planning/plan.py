"""From a sweep to what will happen: for each experiment whether it is kept, run, resumed, redone or left, and why.

Making a plan starts nothing, writes nothing and imports no torch. An experiment's identity is the digest of everything
its numbers depend on: target, resolved configuration, seed, and the content of its input files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from launcher.config import redact
from launcher.config.identity import describe_change, digest_now, is_changed
from launcher.config.nested import decides, dotted, leaves
from launcher.errors import InputError
from launcher.planning.batch_halving import state_digest
from launcher.planning.estimate import DurationEstimate, longest_first, measured
from launcher.planning.experiment import Experiment
from launcher.planning.folder_owner import check_folder_owner
from launcher.planning.job import Sweep
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.history import History, gpu_bytes, read_history
from launcher.store.metric_tracker import MetricTracker
from launcher.store.paths import Paths
from launcher.store.state import LastAttempt, Manifest, ManifestExperiment, last_ending, read_events
from launcher.text import duration, inline, plural

Action = Literal["keep", "run", "resume", "redo", "leave"]


@dataclass(frozen=True)
class LostEnding:
    """An attempt that no launcher lived to see the end of: what its records say about it."""

    attempt: int
    ending: EndingKind
    seconds: float


@dataclass(frozen=True)
class Decision:
    """What a launch does with an experiment."""

    experiment: Experiment
    action: Action
    why: str
    attempt: int  # the number of the attempt that would run, or of the one that is kept
    ending: EndingKind | None = None  # of the newest attempt before
    unseen: LostEnding | None = None
    known: DurationEstimate = field(default_factory=DurationEstimate)  # about how long it takes
    gpu_bytes: int | None = None  # the GPU memory it was measured to take
    changed: dict[str, int] = field(default_factory=dict)  # what on_oom made other than asked
    peaks: dict[str, int] = field(default_factory=dict)  # bytes of memory an earlier attempt took, by kind of memory
    before: ManifestExperiment | None = None  # as an earlier launch has planned it
    seen: LastAttempt | None = None  # the newest attempt before
    newest: MetricTracker | None = None  # of one that is kept
    obstacle: str = ""  # why its records cannot be read: it will fail, and nothing of it is touched
    repeats: Repeats | None = None  # what is trained again of what there is


@dataclass(frozen=True)
class Repeats:
    """Training that a launch repeats: an experiment is begun anew though steps of it are recorded."""

    steps: int
    seconds: float
    is_finished: bool
    is_set_aside: bool  # what the experiment left is moved aside; else the records are appended to
    digest: str  # of the configuration that was trained


@dataclass(frozen=True)
class Plan:
    """What a launch would do."""

    sweep: Sweep
    paths: Paths
    decisions: list[Decision]
    before: Manifest | None = None  # what an earlier launch has planned
    where: Sequence[str] = ()  # what there is to know about where the sweep is, and was

    @property
    def to_run(self) -> list[Decision]:
        """The experiments that will be started, in their order."""
        return [decision for decision in self.decisions if decision.action not in ("keep", "leave")]

    @property
    def known(self) -> dict[str, DurationEstimate]:
        """How long those to run take, as far as one knows, and what else tells it: those that are done, with `work`."""
        return {
            one.experiment.name: one.known
            for one in self.decisions
            if one.action not in ("keep", "leave") or (one.ending == EndingKind.DONE and one.known.work)
        }

    @property
    def order(self) -> list[str]:
        """The names of those to run, in the order of a parallel start: the longest first."""
        running = {one.experiment.name for one in self.to_run}
        return [name for name in longest_first(self.known) if name in running]

    @property
    def kept(self) -> dict[str, EndingKind]:
        """The experiments that are not run again, each with its ending."""
        return {one.experiment.name: one.ending or EndingKind.DONE for one in self.decisions if one.action == "keep"}

    def watch(self) -> MetricTracker:
        """Return what follows the values of the job's first metric in one experiment."""
        return _watch(self.sweep)

    def describe(self) -> str:
        """Return which experiments are kept, run, resumed and redone, and why, a line each."""
        width = max(len(decision.experiment.name) for decision in self.decisions)
        lines = [
            f"sweep {self.sweep.name} of {self.sweep.job_file}, {len(self.to_run)} of {len(self.decisions)} to run:"
        ]
        lines += [f"  {one.action:<6} {one.experiment.name:<{width}}  {one.why}" for one in self.decisions]
        return "\n".join(lines)

    def repeats(self) -> list[str]:
        """Return how much training would be repeated, and what becomes of what is there; a line for each kind."""
        lines = []
        found = [one.repeats for one in self.to_run if one.repeats is not None and one.repeats.steps]
        for is_finished, is_set_aside in ((True, True), (False, True), (False, False)):
            same = [one for one in found if (one.is_finished, one.is_set_aside) == (is_finished, is_set_aside)]
            if not same:
                continue
            many, steps = len(same) > 1, sum(one.steps for one in same)
            again = ("are" if many else "is") + " trained again" if is_finished else f"begin{'' if many else 's'} anew"
            kept = f"what {'they' if many else 'it'} left is kept in {self.paths.earliest}"
            lines.append(
                f"{plural(len(same), 'finished experiment' if is_finished else 'unfinished experiment')} {again}: "
                f"{steps:,} step{'' if steps == 1 else 's'}, {duration(sum(one.seconds for one in same))} of training "
                f"are repeated; {kept if is_set_aside else 'there is no checkpoint to go on from'}."
            )
        return lines

    def notes(self) -> list[str]:
        """Return what to know before the start: where the sweep is, where -S does not reach, which are equal.

        An experiment's own override is what the experiment is about, and stays.
        """
        notes = [*self.where]
        for path, value in leaves(redact.table(self.sweep.cli_overrides)):
            if own := [name for name, table in self.sweep.experiments.items() if decides(table, path)]:
                set_it = "sets it itself" if len(own) == 1 else "set it themselves"
                given = inline(f"{dotted(path)}={value}")
                notes.append(f"-S {given} is not for {', '.join(own)}: {set_it}.")
        secret = dict.fromkeys(key for one in self.decisions for key in redact.keys(one.experiment.config))
        if secret:
            notes.append(f"values of {inline(', '.join(secret), 500)} are written nowhere: {redact.HIDDEN}.")
        return notes + self._twins()

    def _twins(self) -> list[str]:
        """Say which experiments would be the same training twice, where any of them is to run."""
        alike: dict[str, list[Decision]] = {}
        for one in self.decisions:
            if one.action != "leave" and one.experiment.content is not None:
                alike.setdefault(one.experiment.content.digest, []).append(one)
        return [
            f"{', '.join(one.experiment.name for one in group)} have the same configuration: the same numbers "
            f"{len(group)} times."
            for group in alike.values()
            if len(group) > 1 and any(one.action != "keep" for one in group)
        ]

    def document(self, launch: dict[str, Any]) -> Manifest:
        """Return the content of `sweep.json` for this plan: what is left as it is stands there as it was."""
        settings = self.sweep.settings
        return Manifest(
            name=self.sweep.name,
            job_file=str(self.sweep.job_file),
            target=settings.target,
            seed=settings.seed,
            metrics=list(settings.metrics),
            maximize=list(settings.maximize),
            experiments=[_planned(decision) for decision in self.decisions],
            launch=launch,
            former=self._former(),
        )

    def _former(self) -> list[ManifestExperiment]:
        """Return the experiments that the job no longer names and that have records: they may come back."""
        names = {one.experiment.name for one in self.decisions}
        known = [*self.before.experiments, *self.before.former] if self.before else []
        return [one for one in known if one.name not in names and self.paths.records(one.name).exists()]


def _planned(decision: Decision) -> ManifestExperiment:
    if decision.action == "leave" and decision.before is not None:
        return decision.before
    one, content = decision.experiment, decision.experiment.content
    planned = ManifestExperiment(one.name, one.overrides, one.config, one.digest, one.work, one.inputs)
    if content is None:
        return planned
    return replace(planned, content=content.digest, at_default=content.at_default, left_out=content.left_out)


def decide(sweep: Sweep, experiments: Sequence[Experiment], paths: Paths, *, fresh: bool = False) -> Plan:
    """Look at what an earlier launch left in the folders, and decide what this one does with each experiment.

    Raises:
        InputError: the folder holds another sweep.
    """
    try:
        return _decide_all(sweep, experiments, paths, fresh)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}. Move it away and run again.") from error


def _decide_all(sweep: Sweep, experiments: Sequence[Experiment], paths: Paths, fresh: bool) -> Plan:
    before, where = check_folder_owner(sweep, paths)
    known = {one.name: one for one in (*before.former, *before.experiments)} if before else {}
    seen = read_events(paths.events)
    decisions = []
    for one in (_as_it_was(one, known.get(one.name)) for one in experiments):
        history = read_history(paths.records(one.name))
        was = seen.get(one.name)
        changed = was.changed if was else {}
        states = Checkpoints(paths.checkpoints(one.name), one.name, state_digest(one.digest, changed))
        has_checkpoint = states.has_any()
        action, why = _decide(one, history, was, known.get(one.name), has_checkpoint, fresh)
        if sweep.only is not None and one.name not in sweep.only:
            action, why = "leave", f"not selected; {last_ending(history, was) or 'has not run'}"
        # A number is never used again, so that no event of an earlier attempt is taken for one of a later.
        attempt = max(history.attempt, was.attempt if was else 0) + (action not in ("keep", "leave"))
        unseen = _unseen(history, was)
        spent_s = (was.seconds if was else 0.0) + (unseen.seconds if unseen else 0.0)
        newest = None
        if action == "keep":
            newest = _watch(sweep)
            newest.begin(history)
        is_changed = fresh or history.start is None or not _is_same(one, history)
        digest = str(history.start.get("digest")) if history.start else ""
        ending = last_ending(history, was)
        is_finished = ending is not None and ending.is_kept
        recorded = Repeats(len(history.steps), spent_s, is_finished, is_changed, digest)
        decisions.append(
            Decision(
                one,
                action,
                why,
                attempt,
                ending=ending,
                unseen=unseen,
                known=_known(one, action, history, spent_s, known.get(one.name)),
                gpu_bytes=gpu_bytes(history),
                changed=changed if action in ("keep", "resume") else {},
                peaks=_peaks(history),
                before=known.get(one.name),
                seen=was,
                newest=newest,
                obstacle=history.obstacle,
                repeats=recorded if action in ("run", "redo") and history.attempt else None,
            )
        )
    return Plan(sweep, paths, decisions, before, where)


def _as_it_was(one: Experiment, before: ManifestExperiment | None) -> Experiment:
    """Return the experiment under the digest it had, if nothing that counts has changed since."""
    if before is None or one.content is None:
        return one
    return replace(one, digest=digest_now(one.content, before.before))


def _watch(sweep: Sweep) -> MetricTracker:
    metric = next(iter(sweep.settings.metrics), "")
    return MetricTracker(metric, metric in sweep.settings.maximize)


def _known(
    one: Experiment, action: Action, history: History, seconds: float, before: ManifestExperiment | None
) -> DurationEstimate:
    """Say what earlier attempts tell about how long an experiment takes; one begun anew has it all before it.

    Where it was another configuration, its time is taken for as much longer as there is more work now.
    """
    known = replace(measured(seconds, history.last_step, history.total, one.work), is_earlier=True)
    digest = history.start.get("digest") if history.start else None
    if known.seconds and one.work and digest != one.digest:
        work = before.work if before and before.digest == digest else None
        known = replace(known, seconds=known.seconds * one.work / work if work else None)
    return known if action == "resume" else replace(known, share_done=0.0)


def _peaks(history: History) -> dict[str, int]:
    last_word = history.end or {}
    kinds = ("peak_memory_bytes", "peak_gpu_memory_bytes")
    return {kind: int(last_word[kind]) for kind in kinds if isinstance(last_word.get(kind), int | float)}


def _unseen(history: History, seen: LastAttempt | None) -> LostEnding | None:
    if seen is None or seen.ending is not None or history.obstacle:
        return None
    if seen.attempt != history.attempt:  # killed before its worker had said a word
        return LostEnding(seen.attempt, EndingKind.INTERRUPTED, 0.0)
    ending = EndingKind(history.end["ending"]) if history.end else EndingKind.INTERRUPTED
    return LostEnding(seen.attempt, ending, round(history.last_s, 3))


def _decide(
    one: Experiment,
    history: History,
    seen: LastAttempt | None,
    known: ManifestExperiment | None,
    has_checkpoint: bool,
    fresh: bool,
) -> tuple[Action, str]:
    if history.obstacle:
        return "run", f"will fail: {history.obstacle}. Move that away"
    ending = last_ending(history, seen)
    if history.start is None or ending is None:
        return "run", "new"
    if fresh:
        return "redo", "--fresh starts over"
    if not _is_same(one, history):
        return "redo", _difference(one, known)
    if ending.is_kept:
        return "keep", f"{ending}, {_steps(history)}"
    if has_checkpoint:
        return "resume", f"{ending} after {_steps(history)}; goes on from its checkpoint"
    return "redo", f"{ending} after {_steps(history)}, and there is no checkpoint"


def _is_same(one: Experiment, history: History) -> bool:
    """Say whether what is recorded is of the experiment as it is configured now."""
    return history.start is not None and history.start.get("digest") == one.digest


def _steps(history: History) -> str:
    return f"{len(history.steps)} step{'' if len(history.steps) == 1 else 's'}"


def _difference(one: Experiment, known: ManifestExperiment | None) -> str:
    if known is None or one.content is None or not is_changed(one.content, known.before):
        return "its configuration changed"
    return describe_change(one.content, known.before)
