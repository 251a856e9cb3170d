"""Lets a command take its options in groups, as dataclasses, where typer wants a parameter for each option.

    @with_options()
    def run_command(sweep: SweepOptions, launch: LaunchOptions, quiet: bool = False) -> None: ...

typer sees a function with a parameter for each field of `SweepOptions` and `LaunchOptions`, and for `quiet`. How each
of these options is written, `cli.options.LaunchCommand` says under the same name; the default is the field's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from launcher.cli.options import LaunchCommand

Command = Callable[..., None]
DECLARED: dict[str, Any] = LaunchCommand.__annotations__


def with_options(*, leave_out: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Return a decorator that makes one option of each field of a command's parameters that are dataclasses.

    A field that is named in `leave_out` is no option of this command and keeps its default.
    """

    def _decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters
        groups = {name: own[name].annotation for name in own if is_dataclass(own[name].annotation)}
        members = {
            name: [field for field in fields(group) if field.name not in leave_out] for name, group in groups.items()
        }
        defaults = {name: parameter.default for name, parameter in own.items() if name not in groups}
        defaults |= {field.name: _default(field) for group in members.values() for field in group}
        undeclared = defaults.keys() - DECLARED.keys()
        assert not undeclared, f"declare {', '.join(undeclared)} in launcher.cli.options.LaunchCommand"

        @functools.wraps(command)
        def _call(**values: Any) -> None:
            for name, group in groups.items():
                values[name] = group(**{field.name: values.pop(field.name) for field in members[name]})
            command(**values)

        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=declaration)
            for name, declaration in DECLARED.items()
            if name in defaults
        ]
        _call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        _call.__annotations__ = {}  # typer would look up the command's own, which are of groups
        return _call

    return _decorate


def _default(field: Field[Any]) -> Any:
    assert field.default is not MISSING, f"an option has a default, and {field.name} has none"
    return field.default
