"""Plain values of the command line: where they are taken at once, they are what typer makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main

from launcher.cli import plain_values
from launcher.cli.app import app

TEXTS = (
    "", "a", "é", "\udcff", "-", "3", "0", "1", "64", "65", "1024", "99999", "-1", "007", "٣", "1_0", " 2", "1.5",
    "true", "no", "auto", "spawn", "/", "no/such/file", "readable.txt", "secret.txt",
)  # fmt: skip
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def outcome(take: Any, context: Any, value: Any) -> str:
    """Return what a parameter makes of a value, or what it says is wrong."""
    try:
        return repr(take(context, value))
    except typer.BadParameter as error:
        return f"refused: {error.format_message()}"
    except AttributeError as error:  # a check of a value that is always given gets None
        return str(error)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_value_is_what_typer_makes_of_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file, mode in (("readable.txt", 0o600), ("secret.txt", 0o000)):
        Path(file).touch(mode)
    command = COMMANDS[name]
    context = command.make_context(name, [], resilient_parsing=True)
    for param in command.params:
        as_typer = type(param).process_value.__get__(param)
        plain_values.shortened([param])
        is_list = param.nargs == -1 or getattr(param, "multiple", False)
        values = [
            None,
            param.default,
            *([text] if is_list else text for text in TEXTS),
            *([("a", "b"), []] if is_list else []),
        ]
        for value in values:
            assert outcome(param.process_value, context, value) == outcome(as_typer, context, value), (
                param.name,
                value,
            )


def test_a_required_parameter_is_left_to_typer() -> None:
    [param] = [param for param in COMMANDS["init"].params if param.required]
    [same] = plain_values.shortened([param])
    with pytest.raises(typer.BadParameter):
        same.process_value(None, None)


def test_a_parameter_is_changed_once() -> None:
    param = COMMANDS["plan"].params[0]
    once = plain_values.shortened([param])[0].process_value
    assert plain_values.shortened([param])[0].process_value is once
