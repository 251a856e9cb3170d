"""The words and lists of the page besides its tables: title, tiles, failures, environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.alike import likeness
from launcher.reports.analysis import Judgement, best_experiment, broken, caveat, has_seeds, judge, level_text, rank
from launcher.reports.analysis.seed_text import difference_text, mean_over_seeds
from launcher.reports.differences import reference
from launcher.reports.html.results_table import words
from launcher.reports.results_text import seeds_words
from launcher.reports.timeline import idle_gaps
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import RUNNING, AttemptSpan, ExperimentState, mark_of
from launcher.store.manifest import Manifest
from launcher.text import duration, listed, number, plural, rounded

_MOST_TILES = 4  # metrics that have a tile at the top
_LONGEST = 2000  # characters of a reason or of a value in a list
_MOST_SEEDS = 20  # that the environment lists


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page."""

    title: str
    value: str
    remark: str


@dataclass(frozen=True)
class FailureCard:
    """Experiments that failed in the same way, told once."""

    outcome: str
    why: str
    at: str  # after which step
    experiments: Sequence[ExperimentState]

    @property
    def first(self) -> ExperimentState:
        """The experiment whose log is shown."""
        return self.experiments[0]


def subtitle(manifest: Manifest, experiments: Sequence[ExperimentState], made: str) -> list[str]:
    """Return the parts of the line under the title. `made`: when the page was made."""
    launch = manifest.launch
    parts = [
        f"{plural(len(experiments), 'experiment')} of {manifest.job_file}",
        f"{manifest.trained_by} {manifest.target}",
    ]
    parts.append(seeds_words(manifest.seed, experiments))
    if launch.at:
        parts.append(f"last launched {launch.at.replace('T', ' ')} on {launch.host or 'an unknown host'}")
    return [*parts, f"this page was made {made.replace('T', ' ')}"]


def running_note(experiments: Sequence[ExperimentState]) -> str:
    """Return how much of the sweep was still running when the page was made; empty if nothing was."""
    num_running = sum(experiment.outcome == RUNNING for experiment in experiments)
    if not num_running:
        return ""
    num_done = sum(experiment.is_done for experiment in experiments)
    was = "experiment was" if num_running == 1 else "experiments were"
    return f"{num_running} {was} running then, {num_done} of {len(experiments)} were done: not the last word."


def busy_s(spans: Sequence[AttemptSpan]) -> float:
    """Return for how many seconds anything ran."""
    if not spans:
        return 0.0
    end_s = max(span.start_s + (span.seconds or 0.0) for span in spans)
    return end_s - min(span.start_s for span in spans) - sum(stop - start for start, stop in idle_gaps(spans, 0.0))


def tiles(manifest: Manifest, experiments: Sequence[ExperimentState], spans: Sequence[AttemptSpan]) -> list[Tile]:
    """Return the tiles at the top: how it ended, what was best and by how much, how long, how many steps."""
    found = [_done_tile(manifest, experiments)]
    found += [tile for metric in manifest.metrics[:_MOST_TILES] if (tile := _best_tile(experiments, metric))]
    if trained_s := sum(experiment.seconds or 0.0 for experiment in experiments):
        num_slots = len(manifest.launch.slots) or 1
        remark = f"{duration(trained_s)} of training on {plural(num_slots, 'slot')}"
        found.append(Tile("Time", duration(busy_s(spans) or trained_s), remark))
    tokens = sum(experiment.num_tokens or 0.0 for experiment in experiments)
    remark = f"{tokens:,.0f} tokens" if tokens else "in all experiments together"
    found.append(Tile("Steps", f"{sum(experiment.num_steps for experiment in experiments):,}", remark))
    return found


def _done_tile(manifest: Manifest, experiments: Sequence[ExperimentState]) -> Tile:
    counts = Counter(experiment.outcome or "not started" for experiment in experiments)
    others = [f"{count} {words(kind)}" for kind, count in counts.items() if kind != EndingKind.DONE]
    num_broken = sum(experiment.is_done and bool(broken(experiment, manifest.metrics)) for experiment in experiments)
    others += [f"{num_broken} done without a finite end"] if num_broken else []
    value = f"{counts[EndingKind.DONE]} of {len(experiments)}"
    return Tile("Experiments done", value, ", ".join(others) or "none failed")


def _best_tile(experiments: Sequence[ExperimentState], metric: str) -> Tile | None:
    """Return the tile of a metric: its best single step; None if no experiment has a finite value of it.

    With several seeds, the best is a configuration by its mean: a single seed is no result.
    """
    if has_seeds(experiments):
        return _best_mean(judge(experiments, metric))
    best = best_experiment(experiments, metric)
    if best is None:
        return None
    remark = f"{number(best.value)} at step {best.step:,}"
    base = reference(experiments)
    own = base.curves.get(metric) if base is not None else None
    if base is not None and base.name != best.experiment.name and own is not None and own.best is not None:
        why = caveat(base, metric)
        remark += f"; best of {base.name}: {number(own.best)}{why and f' ({why})'}"
    ranking = rank(experiments, metric)
    if ranking.ends:
        first = ranking.ends[0][0]
        who = "" if first.name == best.experiment.name else f"{first.name}, "
        remark += f". Best level at the end: {who}{level_text(first.curves[metric])}"
        if ranking.lead is not None:
            second = ranking.ends[1][0].name
            remark += f", {rounded(abs(ranking.lead.value))} ahead of {second}: {ranking.lead.verdict}"
    return Tile(f"Best {metric}", best.experiment.name, remark)


def _best_mean(judgement: Judgement) -> Tile | None:
    best = judgement.best
    if best is None:
        return None
    remark = f"{mean_over_seeds(best)}, mean and standard deviation at the end"
    if judgement.reference is not None and best.against is not None and best.verdict:
        difference = difference_text(best.against.mean)
        remark += f"; beside {judgement.reference.name} {difference}: {best.verdict}"
    return Tile(f"Best {judgement.metric}", best.name, remark)


def failures(experiments: Sequence[ExperimentState]) -> list[FailureCard]:
    """Return the experiments that failed or diverged, those with alike reasons together, the largest group first."""
    groups: dict[tuple[str, str], list[ExperimentState]] = {}
    for experiment in experiments:
        if experiment.has_failed:
            key = experiment.outcome, likeness(experiment.name, experiment.why)
            groups.setdefault(key, []).append(experiment)
    cards = [
        FailureCard(
            outcome=f"{mark_of(outcome)} {words(outcome)}",
            why=same[0].why[:_LONGEST],
            at=_after_steps(same),
            experiments=same,
        )
        for (outcome, _), same in groups.items()
    ]
    return sorted(cards, key=lambda card: -len(card.experiments))


def _after_steps(experiments: Sequence[ExperimentState]) -> str:
    steps = sorted(experiment.last_step for experiment in experiments)
    if steps[0] == steps[-1]:
        is_told = all(f"after step {steps[0]}" in experiment.why for experiment in experiments)  # by the reason
        return "" if is_told else f"after step {steps[0]:,}" if steps[0] else "before the first step"
    return f"after steps {steps[0]:,} to {steps[-1]:,}"


def _seeds(manifest: Manifest) -> dict[str, str]:
    seeds = list(dict.fromkeys(planned.seed for planned in manifest.experiments)) or [manifest.seed]
    return {"seed" if len(seeds) == 1 else "seeds": listed([str(seed) for seed in seeds], _MOST_SEEDS)}


def environment(manifest: Manifest) -> dict[str, str]:
    """Return where and with what the newest launch ran, by title."""
    launch = manifest.launch
    facts = {
        "launched": launch.at,
        "host": launch.host,
        "system": launch.system,
        "working directory": launch.cwd,
        "commit": launch.commit or "the job file is in no git repository, or was launched by an older version",
        "Python": launch.python,
        "packages": ", ".join(f"{name} {version}" for name, version in launch.versions.items()),
        "mode": f"{launch.mode or 'unknown'}, workers started by {launch.start_method or 'unknown'}",
        "slots": "; ".join(
            f"{slot.device}{' ' + slot.uuid if slot.uuid else ''}, threads: {slot.threads}" for slot in launch.slots
        ),
        "target": manifest.target,
        "job file": manifest.job_file,
        **_seeds(manifest),
    }
    return cut(facts)


def cut(facts: Mapping[str, object]) -> dict[str, str]:
    """Return facts as texts that are not too long, without those that are empty."""
    return {key: str(value)[:_LONGEST] for key, value in facts.items() if str(value) not in ("", "None")}


def signs() -> str:
    """Return what each sign of an outcome means. A sign that several endings share stands for the first of them."""
    found: dict[str, str] = {}
    for kind in EndingKind:
        found.setdefault(kind.mark, kind.label)
    return ", ".join(f"{mark} {label}" for mark, label in [*found.items(), (mark_of(RUNNING), RUNNING)])
