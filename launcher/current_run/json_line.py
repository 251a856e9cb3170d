"""The line that a call of `run.log`, `run.info` or `run.total` becomes, and which values it may have. Pure.

The values are those of a record (`store.records`): numbers and texts; NaN and infinities as "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
import operator
from math import isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

RESERVED = frozenset({"n", "attempt", "at_s", "kind", "step", "src"})  # fields of every record
LINE_BYTES = 1 << 16
_STEP_LIMIT = 2**63
_INTEGER_LIMIT_BITS = 1 << 12
_encode = json.JSONEncoder(allow_nan=False).encode  # `json.dumps` with this argument makes an encoder at each call


def json_line(fields: Mapping[str, Any]) -> bytes:
    """Return the line for some fields.

    Raises:
        TypeError: a value is not a number or text.
        ValueError: a number or the whole line is too large.
    """
    line = _encode({key: _encodable(key, value) for key, value in fields.items()}).encode() + b"\n"
    if len(line) > LINE_BYTES:
        raise ValueError(f"a record of {len(line):,} bytes; one has at most {LINE_BYTES:,}. Write a file instead.")
    return line


def refuse_reserved(call: str, values: Mapping[str, Any]) -> None:
    """Refuse values whose names are fields of every record. `call`: the function to name in the message.

    Raises:
        ValueError: there are such values.
    """
    if not RESERVED.isdisjoint(values):
        raise ValueError(f"{call}: {', '.join(sorted(RESERVED.intersection(values)))} is a reserved name")


def whole(what: str, value: Any) -> int:
    """Return a step, or a number of steps, as a plain int.

    Raises:
        TypeError: the value is not a whole number.
        ValueError: the value is negative, or 2**63 or more.
    """
    if isinstance(value, (bool, float)) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} is {value!r:.100}, a {type(value).__name__}; give a whole number, as by int()")
    number = int(operator.index(value))
    if not 0 <= number < _STEP_LIMIT:
        shown = str(number) if number.bit_length() <= 64 else f"a number of {number.bit_length()} bits"
        raise ValueError(f"{what} is {shown}; it must be from 0 to 2**63 - 1")
    return number


def _encodable(key: str, value: Any) -> Any:
    """Return the JSON form of a value: an array or tensor of a single number is that number."""
    if (type(value) is float and isfinite(value)) or (type(value) is int and -_STEP_LIMIT < value < _STEP_LIMIT):
        return value  # nearly all values
    if not isinstance(value, (str, int, float)) and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if not isfinite(value):
            return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        return float(value)
    if isinstance(value, int) and value.bit_length() > _INTEGER_LIMIT_BITS:
        raise ValueError(
            f"{key} is a number of {value.bit_length()} bits; a record holds {_INTEGER_LIMIT_BITS} at most"
        )
    if isinstance(value, (str, int)):
        return value
    raise TypeError(f"{key} is a {type(value).__name__}; a record holds floats, ints and strings")
