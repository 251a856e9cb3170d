"""Decides whether an experiment is the same as in an earlier launch. Pure: it reads no files.

The digest of an experiment is made of everything that its numbers depend on: target, resolved configuration, seed,
the content of its input files, and how many devices train it. Some differences are no change. They are found by
comparing with `sweep.json`:

- A new field that has the default of its class: the earlier launch trained with this default. In the same way, a field
  that is gone and had its default.
- A field with `metadata={"identity": False}`.
- The order of a set.

Any other difference is a change: another value (a changed default too), seed, target or input file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from launcher.config import redact
from launcher.config.nested import KeyPath, dotted, value_at


@dataclass(frozen=True)
class Content:
    """Everything the numbers of an experiment depend on. A name in the lists is a dotted key of the configuration."""

    target: str
    config: dict[str, Any]  # resolved
    seed: int
    inputs: list[str] = field(default_factory=list)  # sha256 of the files, sorted
    at_default: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unordered: list[str] = field(default_factory=list)
    # Earlier versions applied `__post_init__` to its own result, and so trained another configuration than recorded.
    was_made_twice: bool = False
    num_devices: int = 1  # that train together

    @cached_property
    def digest(self) -> str:
        """The digest of the experiment if no earlier launch has recorded its digest."""
        return self._digest(self.config, self.left_out, is_once=self.was_made_twice)

    def _digest(self, config: Mapping[str, Any], left_out: Sequence[str], *, is_once: bool = False) -> str:
        # A JSON object with its keys sorted, put together because the parts but one are the same in a whole sweep.
        once = '"__post_init__": "once", ' if is_once else ""
        gpus = f'"gpus": {self.num_devices}, ' if self.num_devices != 1 else ""
        inputs = _text(self.inputs) if self.inputs else "[]"
        rest = f'{gpus}"inputs": {inputs}, "seed": {self.seed}, "target": {_quoted(self.target)}'
        content = f'{{{once}"config": {_text(_without(config, left_out))}, {rest}}}'
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def has_rest_of(self, before: Before) -> bool:
        """Return whether an earlier launch had the same target, seed, input files and secrets."""
        config, left_out = _unmasked(before.config, as_stored(self.config)), before.left_out or []
        digests = [self._digest(config, left_out, is_once=is_once) for is_once in (False, True)]
        return (before.content or before.digest) in digests


@dataclass(frozen=True)
class Before:
    """An experiment's configuration in `sweep.json`. None: the version that wrote the file did not record it."""

    config: Mapping[str, Any]
    digest: str
    content: str | None = None
    at_default: list[str] | None = None
    left_out: list[str] | None = None


def digest_now(content: Content, before: Before | None) -> str:
    """Return the digest of an experiment: the earlier launch's digest if nothing has changed since."""
    if before is None or is_changed(content, before):
        return content.digest
    return before.digest


def is_changed(content: Content, before: Before) -> bool:
    """Return whether an experiment differs from the experiment that the earlier launch trained."""
    is_other = content.was_made_twice and before.content is None
    return is_other or bool(differences(content, before)) or not content.has_rest_of(before)


def describe_change(content: Content, before: Before) -> str:
    """Return the changes as a text for a person: `changed: lr 0.1 → 0.2`."""
    if changed := differences(content, before):
        return f"changed: {', '.join(changed)}"
    secret = [f"{key} {redact.HIDDEN} → {redact.HIDDEN}" for key in redact.keys(content.config)]
    if content.was_made_twice and before.content is None:
        return "an earlier version trained it with __post_init__ applied twice, not as recorded"
    trained_by = "command" if content.target.startswith("{") else "target"
    also = ", gpus" if content.num_devices != 1 else ""
    return f"changed: its {trained_by}, seed{also} or data{', or '.join(['', *secret])}"


def differences(content: Content, before: Before) -> list[str]:
    """Return the fields whose change counts, each as `lr 0.1 → 0.2`; empty if the configurations are the same."""
    shown = redact.table(before.config), redact.table(as_stored(content.config))
    paths = [path for path, _, _ in _differences(content, before)]
    return [f"{dotted(path)} {value_at(shown[0], path)!r} → {value_at(shown[1], path)!r}" for path in paths]


def as_stored(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in the form in which it is read back from `sweep.json`."""
    stored: dict[str, Any] = json.loads(_text(config))
    return stored


def _differences(content: Content, before: Before) -> Iterator[tuple[KeyPath, Any, Any]]:
    now = as_stored(content.config)
    yield from _compare(_unmasked(before.config, now), now, (), content, before)


def _compare(was: Any, now: Any, path: KeyPath, content: Content, before: Before) -> Iterator[tuple[KeyPath, Any, Any]]:
    name = dotted(path)
    if name in content.left_out or name in (before.left_out or []):
        return
    if name in content.unordered:
        was, now = _in_order(was), _in_order(now)
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            inner = (*path, key)
            if key not in was:
                yield from (
                    [] if dotted(inner) in (*content.at_default, *content.left_out) else [(inner, None, now[key])]
                )
            elif key not in now:
                ignored = (*(before.at_default or []), *(before.left_out or []))
                yield from [] if dotted(inner) in ignored else [(inner, was[key], None)]
            else:
                yield from _compare(was[key], now[key], inner, content, before)
    elif _are_tables(was) and _are_tables(now) and len(was) == len(now):
        for place, (entry, other) in enumerate(zip(was, now, strict=True)):
            yield from _compare(entry, other, (*path, str(place)), content, before)
    elif _text(was) != _text(now):
        yield path, was, now


def _unmasked(config: Mapping[str, Any], now: Mapping[str, Any]) -> Any:
    """Return a stored configuration with today's secrets in place of `***`.

    Whether the secrets were the same shows only in the digest.
    """
    return _filled(config, redact.table(now), now)


def _filled(stored: Any, shown: Any, now: Any) -> Any:
    if isinstance(stored, Mapping) and isinstance(shown, Mapping) and isinstance(now, Mapping):
        both = {key for key in stored if key in shown and key in now}
        return {key: _filled(inner, shown[key], now[key]) if key in both else inner for key, inner in stored.items()}
    if isinstance(stored, list) and isinstance(now, list) and isinstance(shown, list) and len(stored) == len(now):
        return [_filled(*parts) for parts in zip(stored, shown, now, strict=True)]
    return now if stored == shown and type(stored) is type(shown) else stored  # 1 and 1.0 are not the same


def _without(value: Any, names: Sequence[str], path: KeyPath = ()) -> Any:
    """Return a configuration without the named keys, at any depth."""
    if not names:
        return value
    if isinstance(value, Mapping):
        inner = {key: (*path, str(key)) for key in value}
        return {key: _without(value[key], names, inner[key]) for key in value if dotted(inner[key]) not in names}
    if isinstance(value, list | tuple):
        return [_without(entry, names, (*path, str(place))) for place, entry in enumerate(value)]
    return value


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _in_order(value: Any) -> Any:
    return sorted((_in_order(entry) for entry in value), key=_text) if isinstance(value, list) else value


_encode = json.JSONEncoder(sort_keys=True, default=str).encode  # made once: a sweep has thousands of values


@lru_cache(maxsize=8)
def _quoted(target: str) -> str:
    """Return a target, which all experiments of a sweep have, as JSON."""
    return _text(target)


def _text(value: Any) -> str:
    return _encode(value)
