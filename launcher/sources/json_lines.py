"""Finds metrics in JSON objects, one a line: of any program, and of `launcher.current()`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from launcher.sources.lines import BYTE_ORDER_MARK
from launcher.sources.metric_names import metric_name
from launcher.sources.steps import Epoch, Steps, StepsByName
from launcher.sources.template import as_number
from launcher.store.records import ENVELOPE, INTEGER_LIMIT_BITS
from launcher.store.values import MOST

STEP_KEYS = ("step", "global_step", "iteration", "iter", "it", "epoch")  # the first that holds a whole number counts
_KINDS = ("total", "info", "resume", "phase")  # of the records that a script may write
_FIELDS = ENVELOPE - {"kind", "step"}  # the worker writes these
_SPECIAL: dict[Any, float] = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_DEPTH = 4  # of objects inside one another
_LONGEST_STEP = 19  # digits
_MOST_PATTERNS = 1000  # for which steps are counted separately


class JsonParser:
    """Takes the numbers of a JSON object. The names of an object inside an object are joined: `train_loss`.

    The step stands under `step`, `global_step`, `iteration`, `iter`, `it` or `epoch`. Without such a whole number,
    objects with the same keys are counted, together with those that have a number of the same name.
    """

    def __init__(self, after_step: int = 0, epochs: Mapping[str, Sequence[Epoch]] | None = None) -> None:
        """Begin. Objects without a step are counted from the step after `after_step`.

        `epochs`: by the key of the step, those of the attempt that this one goes on with.
        """
        self.notes: list[str] = []
        self._by_name = StepsByName(after_step)
        self._epochs = epochs or {}
        # By the key of the step, or by all keys of objects without a step; with the metrics that were seen there.
        self._steps: dict[object, tuple[Steps, set[str]]] = {}

    def parse(self, line: bytes) -> tuple[dict[str, Any], int | None] | None:
        """Return the numbers and the step of the object on a line; None if there is no object with a number."""
        content = load_object(line)
        return None if content is None else self.take(content)

    def take(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], int | None] | None:
        """Return the numbers and the step of an object; None if it has no number besides the step."""
        key = _step_key(content)
        fields = dict(_numbers({name: value for name, value in content.items() if name != key}, "", _DEPTH))
        if not fields:
            return None
        pattern = key or tuple(sorted(fields))
        steps, named = self._steps.get(pattern) or (None, set[str]())
        if steps is None or not named.issuperset(fields):
            if steps is None:
                steps = Steps(self._by_name.after, self._epochs.get(str(key), ()))
            steps = self._by_name.of(fields, steps)
            if len(named) < _MOST_PATTERNS:
                named.update(fields)
            if len(self._steps) < _MOST_PATTERNS:
                self._steps[pattern] = steps, named
        step = steps.count() if key is None else steps.next(int(content[key]), fields.get("epoch", -1))
        if steps.note:
            self.notes.append(f'"{key}": {steps.note}')
            steps.note = ""
        return fields, step

    def epochs(self) -> dict[str, list[Epoch]]:
        """Return the epochs of each key of a step, as far as the objects have shown them."""
        return {key: steps.epochs for key, (steps, _) in self._steps.items() if isinstance(key, str) and steps.epochs}


class RunParser:
    """Takes what `launcher.current()` writes: an object with a `step`, or with a `kind`.

    The name of a metric becomes as those of the other sources, so that a job can name it: `train/loss` is `train_loss`.
    """

    def __init__(self) -> None:
        """Begin."""
        self.notes: list[str] = []

    def parse(self, line: bytes) -> tuple[dict[str, Any], int | None] | None:
        """Return the fields and the step of a line; None for a line that `launcher.current()` does not write."""
        content = load_object(line)
        if content is None or not all(map(_is_recordable, content.values())):
            return None
        if "kind" in content:
            return (content, None) if content["kind"] in _KINDS and not _FIELDS & content.keys() else None
        step = content.pop("step", None)
        if type(step) is not int or not 0 <= step <= MOST or _FIELDS & content.keys():
            return None
        named = {key if key.isidentifier() else metric_name(key): value for key, value in content.items()}
        return {key: _SPECIAL.get(value, value) for key, value in named.items()}, step


def load_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a line is, blanks around it aside; None for any other line. NaN is a number here."""
    content = _load(line, b"{")
    return content if isinstance(content, dict) else None


def load_object_or_list(text: bytes) -> Any:
    """Return the JSON object or list that a text is; None for any other text. NaN is a number here."""
    return _load(text, b"{", b"[")


def _load(text: bytes, *begins: bytes) -> Any:
    text = text.removeprefix(BYTE_ORDER_MARK).strip()
    if not text.startswith(begins):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:  # NaN, Infinity, invalid UTF-8
            return json.loads(text.decode(errors="replace"))
        except (ValueError, RecursionError):
            return None


def _is_recordable(value: Any) -> bool:
    """Say whether a record can hold a value."""
    if isinstance(value, int):
        return value.bit_length() <= INTEGER_LIMIT_BITS
    return isinstance(value, float | str)


def has_step(content: Mapping[str, Any]) -> bool:
    """Say whether an object holds its step."""
    return _step_key(content) is not None


def _step_key(content: Mapping[str, Any]) -> str | None:
    return next((key for key in STEP_KEYS if _is_step(content.get(key))), None)


def _is_step(value: Any) -> bool:
    """Say whether a value is a step: a whole number, or a text of digits, as some programs print it."""
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) < _LONGEST_STEP
    return type(value) is int and 0 <= value <= MOST


def _numbers(content: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, int | float]]:
    """Yield the numbers of an object with their names; texts of numbers count, other texts, lists and flags do not."""
    for key, value in content.items():
        if isinstance(value, dict):
            if depth > 1:
                yield from _numbers(value, f"{prefix}{key}_", depth - 1)
            continue
        if isinstance(value, str):
            value = _number_of(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and (name := metric_name(f"{prefix}{key}")):
            yield name, value if isinstance(value, float) or abs(value) <= MOST else _float(value)


def _float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _number_of(text: str) -> int | float | None:
    if "," in text and not _THOUSANDS.fullmatch(text):
        return None  # such as 0,25 with a decimal comma: 25 would be wrong
    try:
        return as_number(text.encode()) if text.isascii() and 0 < len(text) < 40 and "_" not in text else None
    except (ValueError, RecursionError):
        return None
