"""The frame that every command line of MiniGPT has: a user's mistake ends in a message, never in a traceback."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from minigpt.errors import MiniGPTError

EXIT_BAD_INPUT = 2


def application() -> typer.Typer:
    """Return an empty command line. A command is added to it with `@app.command()`."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn a `MiniGPTError` or `OSError` of the block into its message on stderr and exit code 2.

    The block may print any text. Characters that the terminal's encoding lacks are printed as escapes, like `\\u65e5`.
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
