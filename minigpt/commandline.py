"""What the command lines (data, train, sample) share: no traceback for a user's mistake, and `-S key=value`.

Exit codes: 0 done, 2 bad input (one message on stderr), 130 interrupted.
"""

import dataclasses
import difflib
import io
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from minigpt.config import FIELDS, TrainConfig
from minigpt.errors import ConfigError, MiniGPTError

EXIT_BAD_INPUT = 2
_NONE, _TEXT = "@none", "@text:"
_SLIPS = ("none", "nil", "@none", "@null", "@nil")  # in any case: meant for None, and not it


def application() -> typer.Typer:
    """Return an empty command line in the style of this package."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@contextmanager
def user_errors() -> Iterator[None]:
    """End the program with the message alone, on stderr, where the user or the disk is at fault.

    What is printed in here may be any text: characters that the terminal's encoding lacks are shown as escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except MiniGPTError as error:
        typer.echo(str(error), err=True)
    except OSError as error:
        typer.echo(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}", err=True)
    else:
        return
    raise typer.Exit(EXIT_BAD_INPUT)


def config_from(settings: Sequence[str]) -> TrainConfig:
    """Return the baseline with the `key=value` pairs of `settings` put over it, the later over the earlier.

    They are written as for the launcher: a value as in TOML, `@none` for None, text without quotes.

    Raises:
        ConfigError: no such field, no value, or a value the field does not take.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals:
            raise ConfigError(f"-S {setting} has no value: type -S {name}=VALUE")
        if name not in defaults:
            guess = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {guess[0]}?" if guess else "there is no such field."
            raise ConfigError(f"-S {setting}: {hint} Fields: {', '.join(FIELDS)}")
        is_text = isinstance(defaults[name], str)
        if text.strip() != _NONE and text.strip().casefold() in _SLIPS and not is_text:
            raise ConfigError(f"-S {setting}: for no value type -S {name}={_NONE}")
        values[name] = _text(text) if is_text else _value(text)
    return TrainConfig(**values)


def _text(text: str) -> str | None:
    """Read text, which may be quoted; what looks like a number is text as well."""
    value = _value(text)
    return value if isinstance(value, str) or text.strip() == _NONE else text


def _value(text: str) -> Any:
    """Read a value as TOML, or `null`; anything else stays text, for the configuration to refuse."""
    if text.strip() in (_NONE, "null"):
        return None
    if text.startswith(_TEXT):
        return text.removeprefix(_TEXT)
    try:
        read = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return read["value"] if read.keys() == {"value"} else text
