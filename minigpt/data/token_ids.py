"""Token ids and masks as NumPy arrays, from any form in which a data file may hold them. Everything else is refused.

This module decides what counts as a row of ids, and limits how many values a file may claim to hold. `corpus`, its only
caller, knows which rows a file has. No function here calls itself: a list may contain itself, or the same list twice on
each of forty levels.

Shapes: B rows of a batch, L tokens of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from minigpt.errors import DataError

REMAKE = "save it again, or move it away and make other data with `make data`"

Row = NDArray[Any]  # (L,)

_WHOLE = frozenset(
    {
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.uint16, torch.uint32, torch.uint64),  # GPT-2's ids fit in 16 bits, and are often stored so
    }
)
# How many values a file may claim. Honest files claim few: overlapping windows over a tensor claim some eight values
# for each of its bytes. A number in a list takes at least two bytes and costs more to read, so it counts for several.
_CLAIM_PER_BYTE = 100
_SMALL_CLAIM = 50_000_000  # allowed to every file, however small
_LIST_WEIGHT = 50


@dataclass
class Source:
    """The file that is being read: its name for messages, and how many values it may still claim to hold.

    A file of a kilobyte can claim a billion values, and reading them would fill the memory. Two examples are a tensor
    of one number, expanded, and a list that holds the same list again and again.
    """

    path: Path
    claim_left: int

    @classmethod
    def of(cls, path: Path) -> "Source":
        """Return a source for the file `path`, before any value of it is read."""
        return cls(path, claim_left=max(_SMALL_CLAIM, path.stat().st_size * _CLAIM_PER_BYTE))

    def error(self, place: str, complaint: str) -> DataError:
        """Return an error of one line: the file, the place in it, and the complaint."""
        return DataError(f"{self.path}: {place} {complaint}")

    def claim(self, place: str, num_values: int, weight: int = 1) -> None:
        """Count `num_values` that are about to be read, each for `weight`.

        Raises:
            DataError: a file of this size cannot hold so many.
        """
        self.claim_left -= num_values * weight
        if self.claim_left < 0:
            raise self.error(place, f"claims {num_values:,} values, more than a file of this size can hold: {REMAKE}")


def row(source: Source, place: str, item: object) -> Row:
    """Return a tensor (L,), or a flat list of whole numbers, as an array.

    Raises:
        DataError: `item` is something else.
    """
    if isinstance(item, torch.Tensor):
        return _whole(source, place, _dense(source, place, item, dimensions=(1,))).numpy()
    return _whole_list(source, place, _as_list(source, place, item))


def rows(source: Source, place: str, item: object) -> list[Row]:
    """Return the rows of a batch. It may be a tensor (B, L), a list of rows, or a single row.

    Raises:
        DataError: `item` is something else.
    """
    if isinstance(item, torch.Tensor):
        array = _whole(source, place, _dense(source, place, item, dimensions=(2, 1))).numpy()
        return list(array) if array.ndim == 2 else [array]
    items = _as_list(source, place, item)
    if _has_rows(items):
        return [row(source, f"{place}, row {index}", element) for index, element in enumerate(items)]
    return [_whole_list(source, place, items)] if items else []


def mask_rows(source: Source, place: str, item: object) -> list[NDArray[np.bool_]]:
    """Return the rows of a mask, true at tokens and false at padding. Its numbers are 1 and 0, of any type.

    Raises:
        DataError: `item` is something else.
    """
    if isinstance(item, torch.Tensor):
        array = _dense(source, place, item, dimensions=(2, 1)).to(torch.float32).numpy()
        found = list(array) if array.ndim == 2 else [array]
    else:
        items = _as_list(source, place, item)
        parts = items if _has_rows(items) else [items] if items else []
        found = [_mask_row(source, place, part) for part in parts]
    if not all(np.isin(values, (0, 1)).all() for values in found):  # -inf at padding, for example, or document numbers
        raise source.error(place, "holds something other than 1 for a token and 0 for padding")
    return [values.astype(np.bool_) for values in found]


def _mask_row(source: Source, place: str, item: object) -> NDArray[np.float32]:
    if isinstance(item, torch.Tensor):
        return _dense(source, place, item, dimensions=(1,)).to(torch.float32).numpy()
    items = _as_list(source, place, item)
    source.claim(place, len(items), _LIST_WEIGHT)
    known = [number if type(number) in (int, bool, float) and number in (0, 1) else 2 for number in map(_scalar, items)]
    return np.array(known, dtype=np.float32)  # 2 stands for any other value: the caller refuses it


def _as_list(source: Source, place: str, item: object) -> Sequence[Any]:
    if isinstance(item, list | tuple):
        return item
    raise source.error(place, f"is a {type(item).__name__}, not a tensor or list of token ids: {REMAKE}")


def _has_rows(items: Sequence[Any]) -> bool:
    kinds = set(map(type, items))
    return any(issubclass(kind, list | tuple) for kind in kinds) or (
        any(issubclass(kind, torch.Tensor) for kind in kinds)
        and any(isinstance(element, torch.Tensor) and element.dim() > 0 for element in items)
    )


def _scalar(element: Any) -> Any:
    """Return the number in a tensor without dimensions. Return anything else unchanged."""
    return element.item() if isinstance(element, torch.Tensor) and element.dim() == 0 else element


def _whole_list(source: Source, place: str, items: Sequence[Any]) -> Row:
    source.claim(place, len(items), _LIST_WEIGHT)
    if set(map(type, items)) - {int}:
        items = [_scalar(element) for element in items]
    kinds = set(map(type, items))
    if kinds in ({bool}, {float}, {float, int}):
        kind = torch.bool if kinds == {bool} else torch.float32
        raise source.error(place, f"holds {kind} values; token ids are whole numbers: {REMAKE}")
    if kinds - {int, bool}:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise source.error(place, f"is a list of something other than token ids ({names}): {REMAKE}")
    try:
        return np.array(items, dtype=np.int64)
    except OverflowError as error:
        what = "a number beyond 64 bits"
        raise source.error(place, f"is a list of something other than token ids ({what}): {REMAKE}") from error


def _dense(source: Source, place: str, tensor: torch.Tensor, *, dimensions: tuple[int, ...]) -> torch.Tensor:
    """Return `tensor`, after checking that it is dense and has one of these numbers of dimensions."""
    is_odd = tensor.is_nested or tensor.is_quantized or tensor.is_meta
    if tensor.layout is not torch.strided or is_odd:
        raise source.error(place, f"is a sparse, nested, quantized or empty tensor, not a dense one: {REMAKE}")
    if tensor.dim() not in dimensions:
        shape = tuple(tensor.shape)
        raise source.error(place, f"has shape {shape}, not {dimensions[0]} dimension(s): {REMAKE}")
    source.claim(place, tensor.numel())
    return tensor.detach()


def _whole(source: Source, place: str, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.numel() == 0:  # of any type: an empty tensor is float32 unless its maker says otherwise
        return tensor.to(torch.int64)
    if tensor.dtype not in _WHOLE:
        raise source.error(
            place,
            f"holds {tensor.dtype} values; token ids are whole numbers: save what `ids.long()` gives, or {REMAKE}",
        )
    return tensor
