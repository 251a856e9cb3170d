"""Takes the plain values of a command line as typer would, without pydantic, whose import takes longer than a plan.

typer makes a pydantic adapter of every option that a command has, given or not. An option that is not given, text, a
path and a whole number in its range need none. All else is left to typer, with all errors; so is everything where typer
makes no adapters, as in older versions.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from launcher.text import is_unicode

_UNSURE: Any = object()


def shortened(params: list[Any]) -> list[Any]:
    """Return the parameters of a command, which from now on take plain values at once."""
    for param in params:
        if hasattr(param, "type_descriptor") and not isinstance(param.process_value, partial):
            param.process_value = partial(_process, param, param.process_value)
    return params


def _process(param: Any, as_typer: Callable[[Any, Any], Any], ctx: Any, value: Any) -> Any:
    """Return the value of a parameter in its type, after the parameter's callback."""
    found = _UNSURE if param.required else _plain(param, value)
    if found is _UNSURE:
        return as_typer(ctx, value)
    return found if param.callback is None else param.callback(ctx, param, found)


def _plain(param: Any, value: Any) -> Any:
    """Return a value in the parameter's type, or `_UNSURE` if typer must convert it."""
    is_list = param.nargs == -1 or getattr(param, "multiple", False)
    if value is None:
        return () if is_list else None
    if param.nargs not in (1, -1):
        return _UNSURE
    annotation, details = param.type_descriptor.annotation, param.type_descriptor.parameter_info
    if is_list:
        is_texts = annotation == list[str] and isinstance(value, list | tuple) and all(map(_is_text, value))
        return list(value) if is_texts and details.parser is None else _UNSURE
    if details.parser is not None or not (_is_text(value) or isinstance(value, Path)):
        return _UNSURE
    if annotation is str and isinstance(value, str):
        return value
    if annotation is Path and not (details.exists or details.path_type or details.resolve_path):
        return _path(value)
    return _number(value, details) if annotation is int else _UNSURE


def _is_text(value: Any) -> bool:
    """Return whether a value is text that can be encoded. Of other bytes in a command line typer speaks."""
    return type(value) is str and is_unicode(value)


def _path(value: Any) -> Any:
    """Return a path that can be read or is not there; typer refuses one that cannot be read."""
    return Path(value) if os.access(value, os.R_OK) or not os.path.exists(value) else _UNSURE


def _number(value: Any, details: Any) -> Any:
    if not (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10) or details.clamp:
        return _UNSURE
    is_small = details.min is not None and int(value) < details.min
    is_large = details.max is not None and int(value) > details.max
    return _UNSURE if is_small or is_large else int(value)
