"""Has pydantic read a class, also one with fields of types that pydantic does not know, such as `torch.dtype`.

Such a field keeps its default: a job file cannot give it a value.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from pydantic import PydanticSchemaGenerationError, TypeAdapter

_DISABLE_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
_CONFIG = "__pydantic_config__"
_adapters: dict[type, TypeAdapter[Any]] = {}


def adapter_of(cls: type) -> TypeAdapter[Any]:
    """Return the adapter of a class, made once.

    Raises:
        PydanticUserError: it cannot be made, such as for an annotation that names nothing.
    """
    if cls not in _adapters:
        with _without_plugins():
            try:
                _adapters[cls] = TypeAdapter(cls)
            except PydanticSchemaGenerationError:
                with _any_types(cls):
                    _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def written(value: Any, **options: Any) -> Any:
    """Return an instance of a class as JSON types; a value without a JSON type as its repr, a function as its name."""
    serializer = adapter_of(type(value)).serializer
    return serializer.to_python(value, mode="json", warnings=False, fallback=shown, **options)


def shown(value: Any) -> str:
    """Return the name of a function of a module, and the repr of any other value."""
    if isinstance(value, FunctionType) and "<" not in value.__qualname__:
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)


@contextlib.contextmanager
def _any_types(cls: type) -> Iterator[None]:
    """Have pydantic accept fields of any type in a dataclass, and in those inside it. The class stays as it was."""
    before = vars(cls).get(_CONFIG)
    setattr(cls, _CONFIG, {**(before or {}), "arbitrary_types_allowed": True})
    try:
        yield
    finally:
        if before is None:
            delattr(cls, _CONFIG)
        else:
            setattr(cls, _CONFIG, before)


@contextlib.contextmanager
def _without_plugins() -> Iterator[None]:
    """Have pydantic look for no plugins: that would read the metadata of every package, and a check needs none."""
    before = os.environ.get(_DISABLE_PLUGINS)
    os.environ[_DISABLE_PLUGINS] = "__all__"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DISABLE_PLUGINS]
        else:
            os.environ[_DISABLE_PLUGINS] = before
