"""Finds what the user should be told of the records of a running experiment: NaN, or a checkpoint passed over."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from launcher.store.curve import Curve, curve_of
from launcher.store.record_summary import RecordSummary
from launcher.store.records import Record


class Notices:
    """Watches the records of one attempt. Each notice comes once an attempt."""

    def __init__(self, metrics: Sequence[str], *, is_stopped: bool) -> None:
        self._metrics = metrics  # of which there are plots
        self._is_stopped = is_stopped  # NaN in the first metric ends the experiment, and its ending says so
        self._told: set[str] = set()  # metrics

    def look(self, records: Iterable[Record], summary: RecordSummary) -> list[str]:
        """Return what the user should be told of the next records. `summary` has them already."""
        texts = []
        for record in records:
            if record.get("kind") == "passed_over":
                texts.append(_passed_over(record))
            elif "kind" not in record:
                texts += [
                    self._tell(metric, record, summary)
                    for metric in self._metrics
                    if type(value := record.get(metric)) is float and not math.isfinite(value) and self._tells(metric)
                ]
        return texts

    def verdict(self, summary: RecordSummary) -> str:
        """Return what the user must know of an experiment that is done; empty if all its metrics were finite."""
        by_words: dict[str, list[str]] = {}
        for metric in self._metrics:
            curve = curve_of(summary.series.get(metric))
            if curve is not None and curve.num_bad:
                by_words.setdefault(_fate(curve), []).append(metric)
        return "; ".join(
            f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} {words}" for words, names in by_words.items()
        )

    def _tells(self, metric: str) -> bool:
        return metric not in self._told and not (metric == self._metrics[0] and self._is_stopped)

    def _tell(self, metric: str, record: Record, summary: RecordSummary) -> str:
        self._told.add(metric)
        curve = curve_of(summary.series.get(metric))
        since = record["step"] if curve is None or curve.broken_since is None else curve.broken_since
        hint = ' (on_nan = "stop" ends it)' if metric == self._metrics[0] else ""
        return f"{metric} is {record[metric]} since step {min(since, record['step'])}; training goes on{hint}"


def _fate(curve: Curve) -> str:
    """Return where a curve was not finite, and what it was there: `nan from step 2 on`."""
    if curve.broken_since is not None:
        return f"{curve.broken_value} from step {curve.broken_since} on"
    if curve.num_bad == 1:
        return f"{curve.first_bad_value} at step {curve.first_bad}"
    return f"not finite at {curve.num_bad} steps, first at step {curve.first_bad} ({curve.first_bad_value})"


def _passed_over(record: Record) -> str:
    num, step = record.get("num"), record.get("step")
    which = f"its checkpoint {record.get('checkpoint')} was" if num == 1 else f"its {num} newest checkpoints were"
    goes_on = "it begins anew" if step is None else f"it goes on from step {step}"
    return f"{which} passed over ({record.get('why')}); {goes_on}"
