"""Templates: lines of output with placeholders in place of the numbers, such as `iter {step}: loss {loss}, time {}ms`.

    {loss}     a number: 3, -0.5, 1e-3, 1,234 (thousands), nan, inf; it may have blanks before it. `/ . -` become `_`.
               What has another comma or a _ inside, such as 0,25 with a decimal comma, is no number: 0 would be wrong
    {step}     the step
    {}         anything without blanks
    a blank    any run of blanks and tabs
    {{ and }}  braces
    the rest   as it stands, anywhere in the line. A word is found as a whole: `loss` is not found in `val_loss`

A template becomes a regular expression on bytes. It is tried only on lines in which the template's longest literal text
stands, since most lines of an output match nothing. Time is linear in the length of a line, but for a factor of a few
hundred in lines that are made for it.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orjson import loads

from launcher.sources.metric_names import metric_name, reserved
from launcher.text import inline

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[ \t]+|[^{} \t]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./@+=-]{0,99}")
_EXPONENT = rb"(?:[eE][+-]?\d+)?"
_THOUSANDS = rb"(?:(?<!\d{4})(?<!(?<!\d)0),\d{3}(?!\d))*+(?![,_]\d)"
_NUMBER = rb"([+-]?(?:\d++%s\.?\d*" + _EXPONENT + rb"|\.\d+" + _EXPONENT + rb"|(?i:inf(?:inity)?|nan)(?![A-Za-z])))"
_LONGEST_WORD = 500  # characters that a `{}` before some text may take: bounds the time on lines that match nothing
EXAMPLE_OF_ANY = b"\0"
_EXAMPLES = {"text": b"", "blank": b" ", "number": b"7", "any": EXAMPLE_OF_ANY}
_LONGEST_INT = 18  # digits: what an integer of 64 bits holds


class Part(NamedTuple):
    """A piece of a template. `kind`: "text", "blank", "number" or "any"; `value`: the text, or the number's name."""

    kind: str
    value: str = ""


class Template:
    """A template that was checked and compiled."""

    def __init__(self, text: str) -> None:
        """Compile a template.

        Raises:
            ValueError: the template can match nothing of use. The message begins with "it" and says what to write.
        """
        self.text = text
        parts = _parts(text)
        _check(parts)
        printed = [part.value for part in parts if part.kind == "number"]
        self.has_step = "step" in printed
        self.names = tuple(map(_field, printed))
        self.literals = [part.value.encode() for part in parts if part.kind == "text"]
        self.literal = max(self.literals, key=len, default=b"")
        kinds = [part.kind for part in parts if part.kind != "blank"]
        self.has_lead = kinds[: kinds.index("number")] == ["text"] * kinds.index("number") and kinds[0] == "text"
        self.search = re.compile(b"".join(_regex(parts))).search
        self.example = b"".join(_EXAMPLES[part.kind] or part.value.encode() for part in parts)  # a text that matches
        # A JSON object in which the texts of the numbers are still to be filled in: {"step":%b,"loss":%b}
        self._object = b"{%s}" % b",".join(b'"%s":%%b' % name.encode() for name in self.names)

    def find(self, line: bytes, start: int = 0) -> tuple[dict[str, int | float], int | None] | None:
        """Return the numbers on a line by their names, and the printed step; None for a line that does not match.

        Who has many lines asks first whether `literal` is in the line, which takes a tenth of the time.
        The step is None if the template has none, or what stands there is no whole number.
        `start`: the place of the line from which it is searched.
        """
        if (match := self.search(line, start)) is None:
            return None
        texts = match.groups()
        try:  # half the time of converting them one by one
            fields = loads(self._object % texts)
        except ValueError:  # 5. and +5 and nan are no numbers of JSON
            fields = dict(zip(self.names, map(as_number, texts), strict=True))
        if not self.has_step:
            return fields, None
        step = fields.pop("step")
        if type(step) is int:
            return fields, step
        return fields, int(step) if step == step // 1 else None


@functools.lru_cache(maxsize=128)
def compiled(text: str) -> Template:
    """Return the template of a text. To compile one takes milliseconds, so a process does it once for each text.

    Raises:
        ValueError: as `Template`.
    """
    return Template(text)


def as_number(text: bytes) -> int | float:
    """Return the number that a text says: `3` is an int, and `3.0`, `1e3`, `nan` are floats.

    Raises:
        ValueError: the text is no number.
    """
    if b"." in text:
        if b"," not in text:
            return float(text)
    elif text.isdigit() and len(text) <= _LONGEST_INT:
        return int(text)
    text = text.replace(b",", b"")
    return int(text) if len(text) <= _LONGEST_INT and text.lstrip(b"+-").isdigit() else float(text)


def problems(templates: Sequence[str]) -> list[str]:
    """Return what is wrong with templates, each with the template that it is about; empty if all can be used."""
    wrong = []
    for text in templates:
        try:
            Template(text)
        except ValueError as error:
            wrong.append(f'the template "{inline(text)}" cannot be used: {error}')
    return wrong


def _field(name: str) -> str:
    return name if name == "step" else metric_name(name)


def _parts(text: str) -> list[Part]:
    """Take a template apart.

    Raises:
        ValueError: a brace stands alone, or what stands between braces is no name.
    """
    if not text.strip():
        raise ValueError("it is empty. A template is a line of the output, with {loss} where the loss stands")
    if "\n" in text or "\r" in text:
        raise ValueError("it has a line break. A template is a single line: write two templates")
    parts: list[Part] = []
    for token in _TOKEN.findall(text.strip(" \t")):
        if token in ("{", "}"):
            raise ValueError(f'a "{token}" has no partner. A brace that the script prints is written {token * 2}')
        if token in ("{{", "}}") or token[0] not in "{ \t":
            literal = token[0] if token[0] in "{}" else token
            if parts and parts[-1].kind == "text":
                parts[-1] = Part("text", parts[-1].value + literal)
            else:
                parts.append(Part("text", literal))
        elif token[0] == "{":
            parts.append(_placeholder(token[1:-1]))
        else:
            parts.append(Part("blank"))
    return parts


def _placeholder(inside: str) -> Part:
    if not inside:
        return Part("any")
    if _NAME.fullmatch(inside):
        return Part("number", inside)
    found = re.search(r"[A-Za-z]\w*", inside)
    name = metric_name(found[0]) if found else "loss"
    kept = f"{{{inside}}}"
    if ":" in inside and found is not None and found.start() == 0:
        raise ValueError(f"{inline(kept)} has a format, and a template has none. Did you mean {{{name}}}?")
    raise ValueError(
        f"{inline(kept)} is no name. Did you mean {{{name}}}? A name begins with a letter and has no blanks. A brace "
        "that the script prints is written {{ or }}"
    )


def _check(parts: Sequence[Part]) -> None:
    """Refuse a template that finds nothing, or whose numbers cannot be told apart.

    Raises:
        ValueError: as the summary says.
    """
    names = [part.value for part in parts if part.kind == "number"]
    if not [name for name in names if name != "step"]:
        what = "only a step" if names else "no number that has a name"
        raise ValueError(f"it has {what}. Write {{loss}} where the loss stands")
    for name in names:
        if name != "step" and name.casefold() == "step":
            raise ValueError(f"{{{name}}} is no step. Did you mean {{step}}?")
        if name != "step" and reserved(name):
            raise ValueError(f"{{{name}}} is a field of every record. Write {{num_{name}}}")
    known = [_field(name) for name in names]
    twice = next((name for place, name in enumerate(known) if name in known[:place]), None)
    if twice is not None:
        raise ValueError(f"it has {{{twice}}} twice. Write {{}} for a number that is not wanted, or another name")
    for part, after in itertools.pairwise(parts):
        if part.kind in ("number", "any") and after.kind in ("number", "any"):
            raise ValueError(
                f"{{{part.value}}}{{{after.value}}} stand side by side, so nothing says where the first ends. "
                "Write the text that stands between them"
            )


def _regex(parts: Sequence[Part]) -> Iterator[bytes]:
    """Yield the regular expression of a template, part by part.

    No part gives back what it has taken, except that a number may be shorter and `{}` may end at any place where the
    text after it stands.
    """
    first = parts[0]
    if first.kind == "any":
        yield rb"(?<!\S)"
    elif first.kind == "number":
        yield rb"(?<![\w.])"
    elif re.match(r"\w", first.value, re.ASCII):
        yield rb"(?<!\w)"
    before = Part("blank")
    for place, part in enumerate(parts):
        after = parts[place + 1] if place + 1 < len(parts) else Part("blank")
        if part.kind in ("number", "any") and before.kind == "text":
            yield rb"[ \t]*+"
        match part.kind:
            case "text":
                yield re.escape(part.value.encode())
            case "blank":
                yield rb"[ \t]++"
            case "number":
                is_spaced = place + 2 < len(parts) and parts[place + 2].kind == "blank"  # after the text
                has_thousands = is_spaced or not after.value.startswith((",", "_"))
                yield _NUMBER % (_THOUSANDS if has_thousands else b"")
            case _ if after.kind == "text":
                yield rb"(?>\S{1,%d}?(?=%s))" % (_LONGEST_WORD, re.escape(after.value.encode()))
            case _:
                yield rb"\S++"
        before = part
