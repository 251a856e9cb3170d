r"""Suggests the template for a line that looks like metrics.

    Train Epoch: 1 [256/1280 (20%)]  Loss: 2.28       Train Epoch: {epoch} [{}/{} ({}%)] Loss: {loss}
    step 250: train loss 2.50, val loss 2.65          step {step}: train loss {train_loss}, val loss {val_loss}
    {'loss': '5.887', 'epoch': '0.13'}                'loss': '{loss}', 'epoch': '{epoch}'

A metric is a name with a number: `loss: 3`, `loss=3`, `'loss': 3`, or `loss 3.0` with a fraction. Settings and counts
alone, such as `max_epochs=4`, are none. Other numbers become `{}`. The step is the number of `step`, `iter` or `batch`.
A progress bar is no part of a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from launcher.sources.metric_names import metric_name
from launcher.sources.template import Template, compiled

LONGEST_BYTES = 4000  # of a line; no longer line looks like metrics
_THOUSANDS = r"[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)(?:\.\d*)?"
_NUMBER = (
    rf"[+-]?(?:{_THOUSANDS}|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|(?i:inf(?:inity)?|nan)(?![A-Za-z]))"
)
_WRAPPED = r"(?:(?:[A-Za-z]\w*\.)?(?:(?:float|int)\d+|tensor|array|Array)\([ \t]*)?"  # as print shows a tensor
_PAIR = re.compile(
    r"(?<![\w./@-])(?P<open>['\"]?)(?P<name>[A-Za-z][\w/.@-]{0,60})(?P=open)"
    rf"(?P<between>[ \t]*[:=\uff1a\uff1d][ \t]*[\[(]?[ \t]*{_WRAPPED}|[ \t]+[\[(]?[ \t]*{_WRAPPED})(?P<quote>['\"]?)"
    rf"(?P<value>{_NUMBER})(?P=quote)(?![\w'\"]|[.:-]\d|,\d{{1,2}}(?!\d)|,\d{{4}})"
)
_ANY_NUMBER = re.compile(r"(?:(?<!\w)[+-])?\d+(?:[.,:]\d+)*(?:[eE][+-]?\d+(?![A-Za-z]))?")
_BAR = re.compile(r"[█▏▎▍▌▋▊▉━╸╺─]|\|[ #]*\||[#=>.\-]{4,}|\d+%\|")
_FRACTION = re.compile(r"[.eEnN]")
_KEPT = bytes(48 if 48 <= byte < 58 else 126 if byte >= 128 else byte for byte in range(256))  # 0 for digits, else ~
_RUN = re.compile(rb"([0~ \t#=.\-])\1+")
# The first of these is the step.
_STEP_NAMES = ("global_step", "step", "iteration", "iter", "it", "update", "batch", "episode")
_OF_STEP = {"epoch", *_STEP_NAMES} - {"batch"}  # a batch without a step may be its size
_SOURCE_FILE = re.compile(r".*\.(?:py|cc|cpp|cu|jl|lua|rs)")
_SETTINGS = re.compile(r"\b(?:Namespace|\w*(?:Args|Arguments|Config|Options|Params|Settings|HParams))\(")
_SETTING = re.compile(r"\w+_epochs|epochs|\w*batch_size|seed|num_workers|\w+_dir")
_KINDS_OF_VALUES = ("avg", "average", "mean", "total", "overall", "running", "smoothed", "best", "last", "final")
_PARTS_OF_DATA = ("train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "dev")
_NO_METRICS = re.compile(
    "of|in|at|to|from|is|and|or|for|with|by|be|took|after|than|until|reached|v|version|v_num|seed|pid|port|rank|gpu|"
    "size|epochs|steps|max_.*|num_.*|.*_size"
)
_METRIC = re.compile(  # a name of which a whole number, too, is a metric
    "loss|acc|err|score|reward|return|perplexity|ppl|precision|recall|f1|auc|iou|bleu|rouge|ma[ep]|mse|nll|psnr|ssim|fid|wer"
)


@dataclass
class _Pair:
    """A name with its number, at a place of a line."""

    name: str  # of the metric, or "step"; empty: the number is not wanted
    is_sure: bool  # it is a metric, not a count or a setting: the number has a fraction, or the name says so
    start: int
    value_start: int
    value_end: int
    end: int


@dataclass
class _Names:
    """The names that a line has already, and the part of the data that was named last, such as `val`."""

    part: str
    has_kinds: bool  # an average loss is called so
    taken: set[str] = field(default_factory=set)


def looks_promising(line: bytes) -> bool:
    """Say whether a line may have metrics of a step: it holds `step`, `iter`, `epoch` or the like, or is a dict."""
    if line.lstrip()[:1] == b"{":
        return True
    lower = line.lower()
    return any(word in lower for word in (b"step", b"iter", b"epoch", b"batch", b"episode"))


def shape_of(line: bytes) -> bytes:
    """Return what lines have in common that differ in their numbers and in the length of a bar or of blanks only."""
    return _RUN.sub(rb"\1", line.translate(_KEPT))


def suggest(line: bytes, *, has_kinds: bool = False) -> str | None:
    """Return a template that finds the metrics of a line; None if the line does not look like metrics.

    `has_kinds`: an `Avg loss` is called `avg_loss`, where lines of another kind have a `loss`.
    """
    if len(line) > LONGEST_BYTES:
        return None
    text = line.decode(errors="replace")
    if _has_settings(text):
        return None
    groups = _split_at_bars(text, _pairs(text, has_kinds=has_kinds))
    pairs = max(groups, key=_num_metrics, default=[])
    if not any(pair.is_sure for pair in pairs):
        return None
    template = _written(text, pairs)
    try:
        is_right = Template(template).find(line) is not None
    except ValueError:
        return None
    return template if is_right else None


def suggest_beside(line: bytes, named: Set[str]) -> str | None:
    """As `suggest`, where lines of other kinds have given metrics these names: an `Avg loss` is no `loss` then."""
    template = suggest(line)
    if template is None or named.isdisjoint(names := set(compiled(template).names)):
        return template
    other = suggest(line, has_kinds=True)
    return template if other is None or named.isdisjoint(names.difference(compiled(other).names)) else other


def names_result(template: str) -> bool:
    """Say whether a template names a result, such as a test loss: a line of it counts even if it stands alone."""
    return any(name.startswith(_PARTS_OF_DATA[2:]) and _METRIC.search(name) for name in compiled(template).names)


def _has_settings(text: str) -> bool:
    """Say whether a line shows how a script was called, as `print(args)` does. A line of a step does not."""
    if _SETTINGS.search(text):
        return True
    names = [match["name"].casefold() for match in _PAIR.finditer(text)]
    is_of_step = not _OF_STEP.isdisjoint(names)
    return any(map(_SETTING.fullmatch, names)) and not is_of_step and not any(map(_METRIC.search, names))


def _num_metrics(pairs: Sequence[_Pair]) -> int:
    return sum(pair.name not in ("", "step", "epoch") for pair in pairs)


def _pairs(text: str, *, has_kinds: bool) -> list[_Pair]:
    """Return the names with numbers of a line, in order, each with the name that the metric gets."""
    matches = [match for match in _PAIR.finditer(text) if _is_metric(match)]
    printed = [match["name"].casefold() for match in matches]
    whole = [name for name, match in zip(printed, matches, strict=True) if _is_whole(match)]
    step = next((name for name in _STEP_NAMES if name in whole), None)
    before = text[: matches[0].start()] if matches else ""
    part = next((word for word in re.findall(r"[a-z]+", before.casefold()) if word in _PARTS_OF_DATA[2:]), "")
    names = _Names(part, has_kinds)
    pairs, end = [], 0
    for match, name in zip(matches, printed, strict=True):
        if name == step and _is_whole(match) and "step" not in names.taken:
            named = "step"
            names.taken.add(named)
        elif name in _PARTS_OF_DATA and _is_whole(match):  # Test: [ 10/500]
            named, names.part = "", name
        else:
            named = _name(name, text[end : match.start()].casefold(), names)
        is_sure = named not in ("", "step", "epoch") and bool(
            _FRACTION.search(match["value"]) or _METRIC.search(named.casefold())
        )
        pairs.append(_Pair(named, is_sure, match.start(), match.start("value"), match.end("value"), match.end()))
        end = match.end()
    return pairs


def _is_whole(match: re.Match[str]) -> bool:
    return match["value"].replace(",", "").isdigit()


def _is_metric(match: re.Match[str]) -> bool:
    """Say whether a name and a number belong together. Without `:` or `=` the number has a fraction, as in `lr 0.1`."""
    name = match["name"].casefold()
    if _NO_METRICS.fullmatch(name):
        return False
    if _SOURCE_FILE.fullmatch(name) or (_is_whole(match) and re.search(r"[A-Za-z_]:\Z", match.string[: match.start()])):
        return False  # a line of the source, as in train.py:42 and train:run:42
    is_joined = match["between"].lstrip(" \t")[:1] in (":", "=", "\uff1a", "\uff1d")
    return is_joined or name in (*_STEP_NAMES, "epoch") or _FRACTION.search(match["value"]) is not None


def _name(printed: str, before: str, names: _Names) -> str:
    """Return the name of a metric; empty for a second one of a name, and for a count such as that of batches.

    `before`: the text between this metric and the one before. A word such as `val` there is a part of the name.
    """
    if printed in _STEP_NAMES or (printed == "epoch" and printed in names.taken):
        return ""
    words = re.findall(r"[a-z]+", before)
    own = words[-1] if words and words[-1] in _PARTS_OF_DATA else ""
    if own:
        names.part = own
    name = metric_name(printed)
    is_whole = printed == "epoch" or printed.startswith(_PARTS_OF_DATA)
    if not is_whole and (own or names.part in _PARTS_OF_DATA[2:]):
        name = metric_name(f"{names.part}_{printed}")
    kind = re.search(r"([a-z]\w*)(?:'s|\.)?[ \t]*\Z", before)
    if kind is not None and (name in names.taken or (names.has_kinds and kind[1] in _KINDS_OF_VALUES)):
        name = metric_name(f"{kind[1]}_{name}")
    if name in names.taken or name == "step":
        return ""
    names.taken.add(name)
    return name


def _split_at_bars(text: str, pairs: Sequence[_Pair]) -> list[list[_Pair]]:
    """Return the pairs in groups between which no progress bar stands, since a bar is another text in each line."""
    groups: list[list[_Pair]] = []
    for pair in pairs:
        if groups and not _BAR.search(text, groups[-1][-1].end, pair.start):
            groups[-1].append(pair)
        else:
            groups.append([pair])
    return groups


def _written(text: str, pairs: Sequence[_Pair]) -> str:
    """Return the template: from the words before the first pair up to the last."""
    start = _start_of_words(text, pairs[0].start)
    parts: list[str] = []
    for pair in pairs:
        parts += _literal(text[start : pair.start])
        parts += _escaped(text[pair.start : pair.value_start])
        parts.append(f"{{{pair.name}}}")
        start = pair.value_end
    parts += _literal(text[start : pairs[-1].end])
    return re.sub(r"[ \t]+", " ", "".join(parts)).strip()


def _start_of_words(text: str, place: int) -> int:
    """Return where the plain words begin that stand before a place: `Test set: Average |loss` gives that of `Test`."""
    words = re.search(r"(?:(?<![\w.])[A-Za-z][A-Za-z_]+:?[ \t]+){1,3}\Z", text[:place])
    return words.start() if words else place


def _literal(text: str) -> Iterator[str]:
    """Yield a text of a template that stands for a text: braces are doubled, and numbers become `{}`."""
    end = 0
    for match in _ANY_NUMBER.finditer(text):
        yield _escaped(text[end : match.start()])
        yield "{}"
        end = match.end()
    yield _escaped(text[end:])


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
