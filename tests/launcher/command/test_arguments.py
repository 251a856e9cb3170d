"""From a command and a configuration to arguments."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.command.arguments import Filling, arguments

OURS = {"dir": "/out/a", "name": "a", "seed": "7", "python": "py", "port": "\0", "attempt": "1"}


def words(command: list[str], config: dict[str, Any], style: str = "--key=value") -> list[str]:
    return arguments(command, style, Filling(config, OURS), None, command)


def test_the_configuration_stands_where_args_stands_and_at_the_end_without_it() -> None:
    assert words(["py", "{args}", "last"], {"lr": 0.1}) == ["py", "--lr=0.1", "last"]
    assert words(["py", "train.py"], {"lr": 1e-05, "n": 3}) == ["py", "train.py", "--lr=1e-05", "--n=3"]


def test_a_key_that_a_placeholder_takes_is_not_spelled_again() -> None:
    config = {"alpha": 0.5, "l1": 2, "model": {"width": 64, "depth": 3}}
    assert words(["./fit", "{alpha}", "{model.width}"], config) == ["./fit", "0.5", "64", "--l1=2", "--model.depth=3"]


def test_a_key_is_left_out_by_omit() -> None:
    assert words(["py"], {"lr": "{omit}", "n": 3}) == ["py", "--n=3"]


def test_the_launchers_placeholders_are_filled_in_values_too() -> None:
    assert words(["py"], {"save": "{dir}/m.pt", "run": "{name}"}) == ["py", "--save=/out/a/m.pt", "--run=a"]


def test_in_a_glob_the_path_of_a_folder_stands_for_itself() -> None:
    filling = Filling({}, OURS | {"dir": "/out[1]/a*"})
    assert filling.for_globs.text("{dir}/*.pt") == "/out[[]1]/a[*]/*.pt"


def test_the_seed_of_the_configuration_counts_before_that_of_the_sweep() -> None:
    assert words(["py", "--s={seed}"], {"seed": 3}) == ["py", "--s=3"]
    assert words(["py", "--s={seed}"], {}) == ["py", "--s=7"]


@pytest.mark.parametrize(
    ("text", "config", "problem"),
    [
        ("{dri}", {}, r'unknown placeholder \{dri\}\. Did you mean "dir"\?'),
        ("{alpa}", {"alpha": 1}, r'unknown placeholder \{alpa\}\. Did you mean "alpha"\?'),
        ("{dir}", {"dir": "x"}, "a placeholder of the launcher and a key of the configuration"),
        ("{model}", {"model": {"a": 1}}, "unknown placeholder"),
        ("{lr}", {"lr": "{omit}"}, "a placeholder has a value"),
        ("{lr", {"lr": 1}, "lone {"),
    ],
)
def test_what_is_wrong_with_a_text_is_told(text: str, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Filling(config, OURS).text(text)
