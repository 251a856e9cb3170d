"""How the values of a configuration are spelled for a script: as arguments, as variables, or as a file. Pure.

Where the script's options are known, a value is spelled as its option takes it, in every style:

    epochs = 3                  --epochs=3            (an option with a value)
    amp = true                  --amp                 (a flag; false gives nothing)
    amp = false                 --no-amp              (a flag that has an opposite)
    layers = [64, 32]           --layers 64 32        (an option with several values)

Otherwise the style decides: `"--key value"` gives `--amp` or nothing and `--layers 64 32`, the others `--amp=True` and
`--layers=[64, 32]`.

Floats are written by `repr`, so that they are the same numbers again. The keys of tables are joined by dots. A value
`"{omit}"` leaves its key out.

None means "as if it were not given": its key is left out. Where the option is known and its default is something
other than None, that would be another value without a word, so it is refused. In the style `"key=value"`, which is
Hydra's, None is `null`.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from launcher.command.options import ScriptOption, find_option, folded
from launcher.config.nested import KeyPath, dotted, leaves, merge, value_at

STYLES = ("--key=value", "--key value", "-key value", "key=value", "env", "file", "globals")
DASHED = STYLES[:3]  # those in which a key becomes an option
_WITHOUT_ARGUMENTS = ("env", "file", "globals")
_OMIT = "{omit}"


class SpellingError(ValueError):
    """Values that cannot be spelled. `problems` has the path of each key, and what is wrong with it."""

    def __init__(self, problems: Sequence[tuple[KeyPath, str]]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{dotted(path)} {message}" for path, message in self.problems))


def spell(values: Mapping[str, Any], style: str, options: Sequence[ScriptOption] | None = None) -> list[str]:
    """Return values as arguments. Positional ones come first, in the order of the parser.

    Args:
        values: the configuration, without the keys that stand in the command itself.
        style: one of `STYLES`; `"env"`, `"file"` and `"globals"` give no arguments.
        options: of the script's parser; None: unknown. A key that no option has is spelled as if they were unknown.

    Raises:
        SpellingError: a value has no spelling, such as false for a flag that can only switch on.
    """
    if style in _WITHOUT_ARGUMENTS:
        return []
    known = options if options and style != "key=value" else ()
    positional: dict[int, list[str]] = {}
    spelled: list[str] = []
    problems: list[tuple[KeyPath, str]] = []
    keys: dict[str, str] = {}
    for path, value, option in match_keys(values, known):
        key = ".".join(path)
        try:
            if option is None:
                spelled += _by_style(key, value, style)
                continue
            if option.dest in keys and not option.repeats:
                raise ValueError(f"is the same option of the script as {keys[option.dest]}: give one of the two")
            keys[option.dest] = key
            if option.flags:
                spelled += _by_option(option, key, value, style)
            else:
                positional[known.index(option)] = _plain_words(option, value)
        except ValueError as error:
            problems.append((path, str(error)))
    if problems:
        raise SpellingError(problems)
    return [word for place in sorted(positional) for word in positional[place]] + spelled


def match_keys(
    values: Mapping[str, Any], options: Sequence[ScriptOption]
) -> Iterator[tuple[KeyPath, Any, ScriptOption | None]]:
    """Yield path, value and option of each value, None if no option takes it.

    A table that an option takes as a whole is one value. A value to leave out is passed over.
    """
    done: set[KeyPath] = set()
    for path, value in leaves(values):
        if value == _OMIT or value == {} or any(path[:length] in done for length in range(1, len(path))):
            continue
        for length in range(len(path), 0, -1):
            option = find_option(".".join(path[:length]), options)
            if option is not None:
                done.add(path[:length])
                yield path[:length], value if length == len(path) else value_at(values, path[:length]), option
                break
        else:
            yield path, value, None


def variables(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as environment variables, named as the keys. A table or list is written as JSON, None left out.

    Raises:
        SpellingError: a key cannot be the name of a variable, or a value holds a NUL character.
    """
    texts = {key: text(value) for key, value in values.items() if value is not None and value != _OMIT}
    problems = [
        ((key,), "cannot be an environment variable: a name has no = and neither name nor value a NUL character")
        for key, value in texts.items()
        if not key or "=" in key or "\0" in key + value
    ]
    if problems:
        raise SpellingError(problems)
    return texts


def config_text(values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> str:
    """Return the JSON of a configuration file: `values` merged over `base`, table by table.

    Exponents are written `1.0e-05`: PyYAML, which many scripts read their configuration with, takes `1e-05` for text.
    """
    return _json(merge(base or {}, _without_omitted(values)), "\n") + "\n"


def text(value: Any) -> str:
    """Return one value as text: a float by repr, text as it is, a list or a table as JSON."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=text)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _by_style(key: str, value: Any, style: str) -> list[str]:
    """Return a value of which no option is known."""
    if style == "key=value":
        return [f"{key}={'null' if value is None else text(value)}"]
    if value is None:
        return []
    if style == "--key=value":
        return [f"--{key}={text(value)}"]
    if style == "-key value":
        return [f"-{key}", text(value)]
    assert style == "--key value", f"{style!r} is no style of arguments"
    if isinstance(value, bool):
        return [f"--{key}"] if value else []
    return [f"--{key}", *([text(entry) for entry in value] if isinstance(value, list | tuple) else [text(value)])]


def _by_option(option: ScriptOption, key: str, value: Any, style: str) -> list[str]:
    """Return a value as its option takes it.

    Raises:
        ValueError: the option cannot take it.
    """
    flag = option.flag_for(key)
    if value is None:
        return _nothing(option)
    if option.kind == "flag":
        return _switch(option, flag, key, value)
    if option.kind == "negatable":
        if not isinstance(value, bool):
            raise ValueError(f"is a flag of the script: true or false, not {_short(value)}")
        return [flag if value else option.negative_flags[0]]
    if option.kind == "count":
        return [flag] * _times(option, value)
    if option.kind == "list":
        entries = _typed_entries(option, value)
        if not option.repeats:
            return [flag, *_plain_words(option, entries)] if entries or not option.grows else []
        return [
            word
            for entry in entries
            for word in (
                [flag, *_plain_words(option, entry)]
                if isinstance(entry, list | tuple)
                else _joined(flag, _one_text(option, entry), style)
            )
        ]
    if value is True and option.may_be_bare and option.const is True and not option.type_name:
        return [flag]
    return _joined(flag, _one_text(option, value), style)


def _typed_entries(option: ScriptOption, value: Any) -> list[Any]:
    """Return the entries of a list that are typed: without the default, if the script puts them behind its default."""
    entries = list(value) if isinstance(value, list | tuple) else [value]
    before = option.default if option.grows and isinstance(option.default, list) else []
    if [text(entry) for entry in entries[: len(before)]] != [text(entry) for entry in before]:
        whole = _short([*before, *entries])
        raise ValueError(f"comes behind the script's default, {_short(before)}: write the whole list, {whole}")
    return entries[len(before) :]


def _times(option: ScriptOption, value: Any) -> int:
    """Return how often a flag is typed that the script counts, beginning at its default."""
    least = option.default if isinstance(option.default, int) else 0
    if not isinstance(value, int) or value < least:
        raise ValueError(f"is counted by the script: a whole number from {least}, not {_short(value)}")
    return int(value) - least


def _joined(flag: str, value: str, style: str) -> list[str]:
    """Return a flag and its value as one argument or two.

    A value that begins with a dash, and a value that is empty, stays with its flag: argparse would take it for another
    option.
    """
    return [f"{flag}={value}"] if style == "--key=value" or value[:1] == "-" else [flag, value]


def _nothing(option: ScriptOption) -> list[str]:
    if option.default is None and not option.required:
        return []
    why = (
        "the script requires it" if option.required else f"the script would take its default, {_short(option.default)}"
    )
    raise ValueError(f"cannot be None: None is not typed, and {why}")


def _switch(option: ScriptOption, flag: str, key: str, value: Any) -> list[str]:
    """Return a flag, or nothing. `no_cuda = true` types `--no-cuda`, and so does `cuda = false` if it sets `cuda`."""
    is_dest = folded(option.dest) == folded(key)
    on, off = (option.const, option.default) if is_dest and isinstance(option.const, bool) else (True, False)
    if _same(value, on) or (is_dest and _same(value, option.const)):
        return [flag]
    if _same(value, off) or (value is False and off is None) or (is_dest and _same(value, option.default)):
        return []
    if isinstance(value, bool):
        without = f"and without {flag} it is {text(option.default)}"
        raise ValueError(
            f"cannot be {str(value).lower()}: the script's {flag} makes it {text(option.const)}, {without}"
        )
    raise ValueError(f"is a flag of the script, {flag}, which takes no value: true or false, not {_short(value)}")


def _same(value: Any, other: Any) -> bool:
    return bool(type(value) is type(other) and value == other)


def _one_text(option: ScriptOption, value: Any) -> str:
    """Return the text of one value for an option.

    A boolean takes the form that `choices` has. `type=bool` reads every text but the empty one as True.
    """
    if isinstance(value, bool):
        words = [choice for choice in option.choices if isinstance(choice, str)]
        named = [word for word in words if word.casefold() == str(value).casefold()]
        if named:
            return named[0]
        if option.type_name == "bool" and not value:
            return ""
    return text(value)


def _plain_words(option: ScriptOption, value: Any) -> list[str]:
    """Return a value, or each entry of a list, as an argument of its own.

    argparse reads -0.00001 as a number and -1e-05 as an option, so a negative number is written without an exponent.
    """
    if value is None:
        return _nothing(option)
    entries = value if isinstance(value, list | tuple) and option.kind == "list" else [value]
    return [
        format(decimal.Decimal(repr(entry)), "f")
        if isinstance(entry, float) and entry < 0 and math.isfinite(entry)
        else _one_text(option, entry)
        for entry in entries
    ]


def _short(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= 100 else shown[:99] + "…"


def _without_omitted(values: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in values.items() if value != _OMIT}
    return {key: _without_omitted(value) if isinstance(value, Mapping) else value for key, value in kept.items()}


def _json(value: Any, line: str) -> str:
    """Return a value as JSON, a key a line; `line` is the line break with the indentation before the value."""
    if isinstance(value, Mapping) and value:
        deeper = line + "  "
        rows = (f"{json.dumps(str(key), ensure_ascii=False)}: {_json(inner, deeper)}" for key, inner in value.items())
        return f"{{{','.join(deeper + row for row in rows)}{line}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_json(entry, line) for entry in value)}]"
    if isinstance(value, float) and math.isfinite(value):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa}{'' if not e or '.' in mantissa else '.0'}{e}{exponent}"
    return json.dumps(value, ensure_ascii=False, default=text)
