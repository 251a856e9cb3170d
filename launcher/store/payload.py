"""Turns the state of a training into bytes and back. Every state that is written can be read; reading runs no code.

`torch.save` writes any object, but `torch.load(weights_only=True)`, which runs no code from the file, reads only a few
types. So this module refuses to write a state that could not be read, and names the value: `state["sampler"]`. NumPy's
arrays and scalars are allowed: each is written as a tensor of bytes in NumPy's own file format, and is an array or a
scalar again when it is read. Called by `checkpoints`.
"""

from __future__ import annotations

import io
import json
import pickle
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

# The names of `array` inside checkpoint files: the first is from before this module moved. Both stay readable.
_NAMES = ("launcher.payload.array", "launcher.store.payload.array")
_HOLDS = "tensors, NumPy arrays, numbers, strings, None, and dicts, lists, tuples and sets of them"
_KEY_LIMIT = 100  # characters of a key in a message
_HINTS = {
    "function": "leave it out, and make it again when the experiment goes on",
    "type": "save its name",
    "Module": "save its state_dict()",
    "Optimizer": "save its state_dict()",
    "LRScheduler": "save its state_dict()",
    "GradScaler": "save its state_dict()",
    "DataLoader": "save its generator's get_state()",
    "Generator": "save its get_state(), or its bit_generator.state in NumPy",
    "RandomState": "save its get_state()",
    "Random": "save its getstate()",
    "PurePath": "save str() of it",
    "datetime": "save its isoformat()",
    "Enum": "save its name",
    "Namespace": "save vars() of it",
    "defaultdict": "save dict() of it",
    "Mapping": "save dict() of it",
    "deque": "save list() of it",
    "frozenset": "save set() of it",
    "int": "save str() of it",
    "bytes": "save None instead",
    "ndarray": "save a plain array of numbers or strings",
    "tuple": "save tuple() of it, or its _asdict()",
    "list": "save list() of it",
    "dict": "save dict() of it",
    "str": "save str() of it",
}


def dump(state: Mapping[str, Any], *, is_tried: bool) -> io.BytesIO:
    """Return a state as bytes that `load` can read.

    The bytes are always searched for types that cannot be read, which takes a few milliseconds. With `is_tried` they
    are also read back once, which takes about a third of the time of writing them.

    Raises:
        TypeError: a value cannot be read back. The message names its place in the state, and what to save instead.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"run.save: the state is {_name(state)}; give a dict, such as {{'model': model.state_dict()}}")
    plain = dict(state)
    try:
        body = _written(plain)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise _unfit(plain, error) from error
    try:
        _look_through(body)
        if is_tried:
            load(body.getvalue())
    except MemoryError:  # there is no room for a second copy: the state itself is all right
        pass
    except Exception as error:
        if "allocate memory" not in str(error):  # torch's MemoryError
            raise _unfit(plain, error) from error
    return body


def load(payload: bytes) -> Any:
    """Return the state in the bytes that `dump` has made, with its tensors on the CPU.

    Raises:
        Exception: the bytes are damaged. torch raises exceptions of many classes then.
    """
    import torch

    with torch.serialization.safe_globals([(array, name) for name in _NAMES]):
        return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)


def array(data: Any, is_scalar: bool) -> Any:
    """Return the array or scalar in a tensor of the bytes of a NumPy file. torch calls this while it loads a state."""
    from numpy.lib import format as npy

    value = npy.read_array(io.BytesIO(data.numpy().tobytes()), allow_pickle=False)
    return value[()] if is_scalar else value


class _Pickler(pickle.Pickler):
    """Writes each array and scalar of NumPy as a call of `array`."""

    def reducer_override(self, value: Any) -> Any:
        """Return the call of `array` that makes a NumPy value again; NotImplemented for a value of another kind.

        pickle calls this for every value that is not plain Python.
        """
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return NotImplemented
        is_scalar = isinstance(value, numpy.generic)
        if not (is_scalar or type(value) in (numpy.ndarray, numpy.memmap)) or value.dtype.hasobject:
            return NotImplemented
        import torch

        file = io.BytesIO()
        numpy.lib.format.write_array(file, numpy.asarray(value), allow_pickle=False)
        return array, (torch.frombuffer(file.getbuffer(), dtype=torch.uint8), is_scalar)


# torch.save takes this as its `pickle_module`, of which it uses the Pickler and the name.
_PICKLE = types.SimpleNamespace(Pickler=_Pickler, __name__=__name__)


def _written(state: Any) -> io.BytesIO:
    import torch

    body = io.BytesIO()
    torch.save(state, body, pickle_module=_PICKLE)
    return body


def _look_through(body: io.BytesIO) -> None:
    """Check that `load` accepts all types in the bytes.

    Raises:
        Exception: `load` would refuse a type, or torch cannot read the bytes.
    """
    import torch

    with torch.serialization.safe_globals([(array, name) for name in _NAMES]):
        body.seek(0)
        if foreign := torch.serialization.get_unsafe_globals_in_checkpoint(body):
            raise pickle.UnpicklingError(f"it refers to {', '.join(sorted(foreign))}")


def _unfit(state: dict[str, Any], error: Exception) -> TypeError:
    """Return the error for a state that could not be read back. It names the first value that is the cause."""
    too_deep = isinstance(error, RecursionError)  # a search inside the state would recurse too deeply again
    place, value = ("state", state) if too_deep else _find(state, "state")
    what = f"the state cannot be kept ({_first_line(error)})"
    if value is not state:
        what = f"{place} is {_name(value)}, which a checkpoint cannot give back{_hint(type(value))}"
    return TypeError(f"run.save: {what}. A checkpoint holds {_HOLDS}. Nothing was written.")


def _name(value: Any) -> str:
    kind = type(value)
    if kind is bytes:  # bytes that are not empty can be read back
        return "empty bytes"
    if kind is int:
        return f"a number of {value.bit_length()} bits"
    if kind.__name__ == "ndarray":
        return "an array of objects"
    return f"{'an' if kind.__name__[0] in 'aeiouAEIOU' else 'a'} {kind.__name__}"


def _hint(kind: type) -> str:
    for base in kind.__mro__:
        if hint := _HINTS.get(base.__name__):
            return f": {hint}"
    return ": save dataclasses.asdict() of it" if hasattr(kind, "__dataclass_fields__") else ""


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _find(state: Any, place: str) -> tuple[str, Any]:
    """Return the place and the value of the innermost value that cannot be read back.

    If each value in the state can be read back by itself, the place and the value are those of the state.
    """
    value, above = state, set[int]()
    while id(value) not in above:
        above.add(id(value))
        for inner_place, inner in _parts(value, place):
            if not _is_kept(inner):
                place, value = inner_place, inner
                break
    return place, value


def _parts(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield place and value of each key and entry of a dict, list, tuple or set; nothing for any other value."""
    if type(value).__module__ not in ("builtins", "collections"):
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            name = json.dumps(key) if isinstance(key, str) else repr(key)
            yield f"the key {name[:_KEY_LIMIT]} of {place}", key
            yield f"{place}[{name[:_KEY_LIMIT]}]", inner
    elif isinstance(value, list | tuple):
        yield from ((f"{place}[{number}]", inner) for number, inner in enumerate(value))
    elif isinstance(value, set):
        yield from ((f"an element of {place}", inner) for inner in value)


def _is_kept(value: Any) -> bool:
    if value is None or type(value) in (bool, float, str):  # a shortcut: a state may have many such values
        return True
    try:
        load(_written({"": value}).getvalue())
    except Exception:  # noqa: BLE001  whatever the error is, its cause is the value
        return False
    return True
