"""Values of configurations as JSON and back, unchanged in type and value. Pure.

A value that JSON has is written as JSON has it. Any other is an object with the key "@", which names its kind:

    (1, 2)                       {"@": "tuple", "is": [1, 2]}
    datetime.date(2026, 1, 31)   {"@": "date", "is": "2026-01-31"}
    2**20000                     {"@": "int", "is": "0x1000…"}: Python refuses to read so many decimal digits
    "\\ud83d\\ude00"               {"@": "text", "is": "3dd80000…"}: JSON joins such a pair to one character
    {"@": 1} or {3: 4}           {"@": "dict", "is": [["@", 1]]}: keys that are not text, or the key "@" itself
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from launcher.store.values import DEPTH

TAG: Final = "@"
_IS: Final = "is"
_PLAIN_INT_BITS = 4096
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_TIMES: Final = {"datetime": datetime.datetime, "date": datetime.date, "time": datetime.time}


def to_json(value: Any, where: str, depth: int = 0) -> Any:
    """Return a value as JSON has it. `where`: its name in messages, such as `config.lr`.

    Raises:
        TypeError: it is of another type than those of a job file, or nested too deeply.
    """
    if depth > DEPTH:
        raise TypeError(f"{where} is nested more than {DEPTH} levels deep")
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is str:
        return _tagged("text", value.encode("utf-32-le", "surrogatepass").hex()) if _PAIR.search(value) else value
    if kind is int:
        return value if value.bit_length() <= _PLAIN_INT_BITS else _tagged("int", hex(value))
    if kind in (list, tuple):
        found = [to_json(entry, f"{where}[{number}]", depth + 1) for number, entry in enumerate(value)]
        return found if kind is list else _tagged("tuple", found)
    if kind is dict:
        return _table(value, where, depth)
    if kind in _TIMES.values():
        return _tagged(kind.__name__, value.isoformat())
    if isinstance(value, Path):
        return _tagged("path", to_json(str(value), where))
    raise TypeError(
        f"{where} is a {kind.__module__}.{kind.__qualname__}, which another machine cannot be told. "
        "Use numbers, texts, dates, lists and tables"
    )


def _table(table: Mapping[Any, Any], where: str, depth: int) -> Any:
    if TAG not in table and all(type(key) is str and not _PAIR.search(key) for key in table):
        return {key: to_json(value, f"{where}.{key}", depth + 1) for key, value in table.items()}
    pairs = table.items()
    return _tagged("dict", [[to_json(k, f"a key of {where}"), to_json(v, f"{where}.{k}", depth + 1)] for k, v in pairs])


def _tagged(tag: str, content: Any) -> dict[str, Any]:
    return {TAG: tag, _IS: content}


def from_json(content: Any, where: str, depth: int = 0) -> Any:
    """Return the value that `to_json` has written so. `where`: its name in messages.

    Raises:
        ValueError: `to_json` writes nothing of the kind.
    """
    if depth > 2 * DEPTH:
        raise ValueError(f"{where} is nested too deeply")
    if isinstance(content, list):
        return [from_json(entry, f"{where}[{number}]", depth + 1) for number, entry in enumerate(content)]
    if not isinstance(content, dict):
        return content
    if TAG not in content:
        return {key: from_json(value, f"{where}.{key}", depth + 1) for key, value in content.items()}
    tag, inner = content[TAG], content.get(_IS)
    read = _READERS.get(tag) if isinstance(tag, str) else None
    if read is None:
        raise ValueError(f"{where} is of an unknown kind")
    try:
        return read(inner, where, depth + 1)
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{where} is no {tag}: {error}") from error


def _dict(inner: Any, where: str, depth: int) -> dict[Any, Any]:
    return {from_json(key, f"a key of {where}"): from_json(value, where, depth) for key, value in inner}


def _text(inner: Any, _where: str, _depth: int) -> str:
    return bytes.fromhex(inner).decode("utf-32-le", "surrogatepass") if len(inner) else ""


def _path(inner: Any, where: str, _depth: int) -> Path:
    return Path(from_json(inner, where))


def _time(kind: Any) -> Callable[[Any, str, int], Any]:
    return lambda inner, _where, _depth: kind.fromisoformat(inner)


_READERS: Final[Mapping[str, Callable[[Any, str, int], Any]]] = {
    "tuple": lambda inner, where, depth: tuple(from_json(list(inner), where, depth)),
    "int": lambda inner, _where, _depth: int(inner, 16),
    "text": _text,
    "path": _path,
    "dict": _dict,
    **{name: _time(kind) for name, kind in _TIMES.items()},
}
