"""What the command lines (data, train, sample) share: no traceback for a user's mistake, and `-S key=value`.

Exit codes: 0 done, 2 bad input (one message on stderr), 130 interrupted.
"""

import dataclasses
import difflib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from minigpt.config import FIELDS, TrainConfig
from minigpt.errors import ConfigError, MiniGPTError

EXIT_BAD_INPUT = 2


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

    Raises:
        ConfigError: no such field, no value, or a value the field does not take.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"-S {setting} has no value: type -S {name}=VALUE")
        if name not in defaults:
            guess = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {guess[0]}?" if guess else "there is no such field."
            raise ConfigError(f"-S {setting}: {hint} Fields: {', '.join(FIELDS)}")
        values[name] = text if isinstance(defaults[name], str) else _value(text)
    return TrainConfig(**values)


def _value(text: str) -> object:
    """Read a number, or `null` for none; anything else stays text, for the configuration to refuse."""
    try:
        return json.loads(text)
    except ValueError:
        return text
