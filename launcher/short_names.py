"""Names made shorter by what they share, for a plot, a column of a table, a row of the live view.

A name is read as parts: `resnet50_lr_0.001_wd_0.05` has the parts resnet50, lr, 0.001, wd and 0.05, and
`lr=1e-3.width=256` has two. A dot within a number, the minus of `1e-3` and the `_` of a key such as `batch_size=32` end
no part.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

LEAST = 8  # characters: what every name can be cut to
_MARKS = "_.+-"
_MOST_KEYS = 64  # more are no keys of a configuration
_KEY = re.compile(r"(?<![A-Za-z])[A-Za-z]{3,}(?==|_\d)")  # a word before its value: `width=256`, `width_256`
# A part begins with the marks that separate it from the part before.
_PART = re.compile(r"[_.+-]*(?:(?<=\d)\.(?=\d)|(?<=\d[eE])[+-](?=\d)|[^_.+-])+|[_.+-]+$")


# A key of several words at the beginning of a name or after a plus: `batch_size=32`.
_LONG_KEY = re.compile(r"(?:^|(?<=\+))[A-Za-z]+_[A-Za-z]\w*(?==)")
_INNER = "\0"  # stands for the `_` of such a key while a name is split


def short_names(names: Iterable[str], longest: int) -> dict[str, str]:
    """Return each name as it is shown where there is room for `longest` characters, at least 8. No two are the same.

    Names that all fit stay whole. Otherwise the parts that all names share are left out: `lr=1e-3.width=256` and
    `lr=1e-4.width=256` become `lr=1e-3` and `lr=1e-4`. A shared word stays before a number that differs, as in
    `lr_0.001`. A name of a single part, such as `baseline`, stays whole, and the other names need not share it. Where
    that is not enough, keys lose letters at their end: `wid=256`, then `w=256`. A name that is still too long is cut
    where the names differ least, and `…` stands there. Names that would then be the same end in `…#` and their place
    in the list.
    """
    whole = list(dict.fromkeys(names))
    longest = max(LEAST, longest)
    if all(len(name) <= longest for name in whole):
        return {name: name for name in whole}
    shorter = _without_shared(whole)
    for letters in (3, 1):
        if any(len(name) > longest for name in shorter):
            shorter = _with_short_keys(shorter, letters)
    return dict(zip(whole, _numbered(_cut(shorter, longest), longest), strict=True))


def _without_shared(names: list[str]) -> list[str]:
    """Return the names without the parts that they share; as they are if two would then be the same."""
    split = _parts(names)
    several = [parts for parts in split if len(parts) > 1]
    if len(several) < 2:
        return names
    keep = _keep_columns if len({len(parts) for parts in several}) == 1 else _keep_middle
    kept = iter(keep(several))
    shorter = [_joined(parts, next(kept)) if len(parts) > 1 else name for name, parts in zip(names, split, strict=True)]
    return shorter if len(set(shorter)) == len(names) and all(shorter) else names


def _parts(names: list[str]) -> list[list[str]]:
    """Return the parts of each name. `base_run_lr=2` beside `base_run` has three, as `base_run` is then no key."""
    found = {key for name in names for key in _LONG_KEY.findall(name)}
    keys = {key for key in found if not any(key.startswith(f"{name}_") for name in names)}

    def _whole(match: re.Match[str]) -> str:
        return match[0].replace("_", _INNER) if match[0] in keys else match[0]

    split = [_PART.findall(_LONG_KEY.sub(_whole, name)) for name in names]
    return [[part.replace(_INNER, "_") for part in parts] for parts in split]


def _keep_columns(names: list[list[str]]) -> list[list[bool]]:
    """Return which parts to keep of names with equally many parts: those that differ."""
    kept = [len(set(column)) > 1 for column in zip(*names, strict=True)]
    return [kept] * len(names)


def _keep_middle(names: list[list[str]]) -> list[list[bool]]:
    """Return which parts to keep of names with more and fewer parts.

    Left out are the first and the last parts as long as all are the same, and each `key=value` that all names have.
    """
    most = min(map(len, names)) - 1  # at least one part of each name stays
    head = _num_shared(names, most)
    tail = _num_shared([name[::-1] for name in names], most - head)
    everywhere = set.intersection(*(set(name) for name in names))
    return [
        [
            head <= place < len(name) - tail and not ("=" in part and part in everywhere)
            for place, part in enumerate(name)
        ]
        for name in names
    ]


def _num_shared(names: Sequence[Sequence[str]], most: int) -> int:
    """Return how many parts at the beginning are the same in all names, at most `most`."""
    return next((place for place in range(most) if len({name[place] for name in names}) > 1), most)


def _joined(parts: list[str], kept: list[bool]) -> str:
    """Return the kept parts as a name, with the shared word that stands before a number."""
    stays = [
        is_kept or (place + 1 < len(kept) and kept[place + 1] and _is_label(part, parts[place + 1]))
        for place, (part, is_kept) in enumerate(zip(parts, kept, strict=True))
    ]
    return "".join(part for part, does_stay in zip(parts, stays, strict=True) if does_stay).lstrip(_MARKS)


def _is_label(word: str, number: str) -> bool:
    return "=" not in word and word.lstrip(_MARKS)[:1].isalpha() and number.lstrip(_MARKS)[:1].isdigit()


def _with_short_keys(names: list[str], letters: int) -> list[str]:
    """Return the names with keys of at least so many letters, which begin no other key.

    They are as they were if two would be the same.
    """
    keys = {key for name in names for key in _KEY.findall(name)}
    if len(keys) > _MOST_KEYS:
        return names
    short = {
        key: next(
            (key[:num] for num in range(letters, len(key)) if sum(other.startswith(key[:num]) for other in keys) == 1),
            key,
        )
        for key in keys
    }
    shorter = [_KEY.sub(lambda found: short[found[0]], name) for name in names]
    return shorter if len(set(shorter)) == len(names) else names


def _cut(names: list[str], longest: int) -> list[str]:
    """Return the names with `…` in place of what is too much, all at the place that leaves the most names distinct."""
    if all(len(name) <= longest for name in names):
        return names
    half = (longest - 1) // 2
    best, num_best = names, 0
    for head in sorted(range(longest), key=lambda head: abs(head - half)):
        tail = longest - 1 - head
        cut = [name if len(name) <= longest else f"{name[:head]}…{name[len(name) - tail :]}" for name in names]
        if (num := len(set(cut))) > num_best:
            best, num_best = cut, num
        if num == len(names):
            break
    return best


def _numbered(names: list[str], longest: int) -> list[str]:
    """Return the names, those that are the same with `…#` and their place in the list, counted from 1, at the end."""
    counts = Counter(names)
    taken = {name for name in names if counts[name] == 1}
    distinct = []
    for place, name in enumerate(names, start=1):
        shown = name
        if counts[name] > 1:
            ends = (f"…#{number}" for number in itertools.count(place))
            heads = ((name.split("…")[0][: max(0, longest - len(end))], end) for end in ends)
            shown = next(head + end for head, end in heads if head + end not in taken)
            taken.add(shown)
        distinct.append(shown)
    return distinct
