"""Numbers and texts as they lie in the page: compact, and never markup.

    floats  "f" or "d", and base64 of little-endian float32 or float64: float32 has seven digits, five bytes a number
    steps   {"a": first, "d": stride, "n": count} if evenly spaced;
            else {"a": first, "w": width in bytes, "b": base64 of the differences as unsigned integers}

`scripts/decode.js` reads both back. A float that cannot be drawn is NaN.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from launcher.reports.smoothing import Floats
from launcher.text import printable

_LARGEST_DIFFERENCE = 2**32


def pack_floats(values: Floats) -> str:
    """Return numbers as text: as float32 where that has six digits of each number, else as float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        short = values.astype("<f4")
        is_near = np.abs(short - values) <= np.abs(values) * 1e-6
    if np.all(is_near | np.isnan(values)):
        return "f" + base64.b64encode(short.tobytes()).decode()
    return "d" + base64.b64encode(values.astype("<f8").tobytes()).decode()


def pack_steps(steps: Sequence[int]) -> dict[str, Any] | str:
    """Return increasing whole numbers, at least one, as JSON types."""
    first, count = steps[0], len(steps)
    if count == 1 or steps[-1] - first == (steps[1] - first) * (count - 1):
        stride = steps[1] - first if count > 1 else 1
        if list(steps) == list(range(first, first + stride * count, stride)):
            return {"a": first, "d": stride, "n": count}
    if steps[-1] >= 2**53:
        return pack_floats(np.array(steps, dtype=float))
    differences = np.diff(np.array(steps, dtype=np.int64))
    largest = int(differences.max())
    if largest >= _LARGEST_DIFFERENCE:
        return pack_floats(np.array(steps, dtype=float))
    width = 1 if largest < 2**8 else 2 if largest < 2**16 else 4
    return {"a": first, "w": width, "b": base64.b64encode(differences.astype(f"<u{width}").tobytes()).decode()}


def script_json(content: Mapping[str, Any]) -> str:
    """Return JSON that may stand in a `<script>` element.

    `<`, `>` and `&` are escapes in it, so no text can end the element. Control characters are shown as escapes.
    """
    written = json.dumps(_clean(content), separators=(",", ":"), allow_nan=False)
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value, None)
    if isinstance(value, Mapping):
        return {printable(str(key), None): _clean(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(entry) for entry in value]
    return value
