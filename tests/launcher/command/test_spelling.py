"""How values are spelled: by the style, by the script's options, as variables, as a file. argparse reads it again."""

from __future__ import annotations

import argparse
import json
import math
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launcher.command.options import ScriptOption
from launcher.command.spelling import STYLES, SpellingError, config_text, match_keys, spell, variables
from launcher.planning.parser_probe import describe

DASHED = ("--key=value", "--key value", "-key value")
repeatable = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)


def options_of(parser: argparse.ArgumentParser) -> list[ScriptOption]:
    return [ScriptOption.from_data(data) for data in describe(parser)]


def a_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("data")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("-e", "--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", "--lr", type=float, default=0.1)
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--no-cuda", dest="cuda", action="store_false")
    parser.add_argument("--bias", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--layers", type=int, nargs="+", default=[8])
    parser.add_argument("--tag", action="append")
    parser.add_argument("--size", action="append", type=int, default=[9])
    parser.add_argument("--more", action="extend", nargs="+", default=["x", "y"])
    parser.add_argument("-v", action="count", default=0)
    parser.add_argument("--fast", dest="mode", action="store_const", const="fast", default="exact")
    parser.add_argument("--fp16", type=lambda text: text == "True", nargs="?", const=True, default=False)
    parser.add_argument("--cache", nargs="?", const=True, default=False)
    parser.add_argument("--shuffle", type=bool, default=True)
    parser.add_argument("--pin", choices=["true", "false"], default="false")
    parser.add_argument("--kwargs", type=json.loads, default={})
    return parser


def parsed(values: dict[str, Any], style: str = "--key=value") -> dict[str, Any]:
    parser = a_parser()
    return vars(parser.parse_args(spell({"data": "d", **values}, style, options_of(parser))))


# --- without options ---


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("--key=value", "--lr=1e-05|--n=3|--amp=True|--off=False|--name=a b|--l=[1, 2]|--m.w=2"),
        ("--key value", "--lr|1e-05|--n|3|--amp|--name|a b|--l|1|2|--m.w|2"),
        ("-key value", "-lr|1e-05|-n|3|-amp|True|-off|False|-name|a b|-l|[1, 2]|-m.w|2"),
        ("key=value", "lr=1e-05|n=3|amp=True|off=False|name=a b|l=[1, 2]|m.w=2"),
        ("env", ""),
        ("file", ""),
        ("globals", ""),
    ],
)
def test_each_style_spells_values_in_its_way(style: str, expected: str) -> None:
    values = {"lr": 1e-5, "n": 3, "amp": True, "off": False, "name": "a b", "l": [1, 2], "m": {"w": 2}, "empty": {}}
    assert "|".join(spell(values, style)) == expected


def test_omit_and_none_leave_a_key_out_and_hydra_has_null() -> None:
    values = {"a": "{omit}", "b": None, "t": {"c": "{omit}", "d": 1}}
    assert spell(values, "--key=value") == ["--t.d=1"]
    assert spell(values, "--key value") == ["--t.d", "1"]
    assert spell(values, "key=value") == ["b=null", "t.d=1"]


@repeatable
@given(value=st.floats(allow_nan=False))
def test_a_float_is_the_same_number_again(value: float) -> None:
    (argument,) = spell({"x": value}, "--key=value")
    assert float(argument.partition("=")[2]) == value


# --- with options ---


@pytest.mark.parametrize("style", DASHED)
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"epochs": 5}, {"epochs": 5}),
        ({"e": 5}, {"epochs": 5}),
        ({"learning_rate": 1e-5}, {"learning_rate": 1e-5}),
        ({"learning-rate": -1e-5}, {"learning_rate": -1e-5}),
        ({"lr": 2.0}, {"learning_rate": 2.0}),
        ({"amp": True}, {"amp": True}),
        ({"amp": False}, {"amp": False}),
        ({"no_cuda": True}, {"cuda": False}),
        ({"no_cuda": False}, {"cuda": True}),
        ({"cuda": False}, {"cuda": False}),
        ({"cuda": True}, {"cuda": True}),
        ({"bias": False}, {"bias": False}),
        ({"bias": True}, {"bias": True}),
        ({"layers": [1, 2, 3]}, {"layers": [1, 2, 3]}),
        ({"layers": 4}, {"layers": [4]}),
        ({"tag": ["a", "-b"]}, {"tag": ["a", "-b"]}),
        ({"size": [9, 1, 2]}, {"size": [9, 1, 2]}),
        ({"size": [9], "more": ["x", "y"]}, {"size": [9], "more": ["x", "y"]}),
        ({"more": ["x", "y", "z"]}, {"more": ["x", "y", "z"]}),
        ({"v": 2}, {"v": 2}),
        ({"fast": True}, {"mode": "fast"}),
        ({"mode": "fast"}, {"mode": "fast"}),
        ({"mode": "exact"}, {"mode": "exact"}),
        ({"fp16": True}, {"fp16": True}),
        ({"fp16": False}, {"fp16": False}),
        ({"cache": True}, {"cache": True}),
        ({"cache": "/tmp/x"}, {"cache": "/tmp/x"}),
        ({"shuffle": False}, {"shuffle": False}),
        ({"shuffle": True}, {"shuffle": True}),
        ({"pin": True}, {"pin": "true"}),
        ({"kwargs": {"a": {"b": 1.5}}}, {"kwargs": {"a": {"b": 1.5}}}),
        ({"rest": ["x", "y"], "data": "first"}, {"data": "first", "rest": ["x", "y"]}),
        ({"tag": None, "rest": "{omit}"}, {"tag": None, "rest": []}),
    ],
)
def test_the_scripts_parser_reads_the_value_again(style: str, values: dict[str, Any], expected: dict[str, Any]) -> None:
    got = parsed(values, style)
    assert {key: got[key] for key in expected} == expected


def test_an_option_with_several_values_is_spelled_alike_in_every_style() -> None:
    options = options_of(a_parser())
    for style in DASHED:
        spelled = spell({"layers": [1, 2], "amp": True, "data": "d"}, style, options)
        assert " ".join(spelled) == "d --layers 1 2 --amp"


def test_a_key_that_no_option_has_is_spelled_by_the_style_and_named() -> None:
    options = options_of(a_parser())
    values = {"epochs": 1, "epoch": 2, "kwargs": {"a": 1}, "model": {"w": 1}}
    matched = {path: option.dest if option else None for path, _, option in match_keys(values, options)}
    assert matched == {("epochs",): "epochs", ("epoch",): None, ("kwargs",): "kwargs", ("model", "w"): None}
    assert "--epoch=2" in spell(values, "--key=value", options)


def test_key_equals_value_knows_no_flags() -> None:
    assert spell({"amp": True, "data": "d"}, "key=value", options_of(a_parser())) == ["amp=True", "data=d"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"amp": 3}, "amp is a flag of the script, --amp, which takes no value: true or false, not 3"),
        ({"bias": "yes"}, 'bias is a flag of the script: true or false, not "yes"'),
        ({"v": -1}, "v is counted by the script: a whole number from 0, not -1"),
        ({"size": [1, 2]}, "size comes behind the script's default, [9]: write the whole list, [9, 1, 2]"),
        ({"size": []}, "size comes behind the script's default, [9]: write the whole list, [9]"),
        ({"more": "z"}, 'more comes behind the script\'s default, ["x", "y"]: write the whole list'),
        ({"epochs": None}, "epochs cannot be None: None is not typed, and the script would take its default, 3"),
        ({"data": None}, "data cannot be None: None is not typed, and the script requires it"),
        (
            {"lr": 1.0, "learning-rate": 2.0},
            "learning-rate is the same option of the script as lr: give one of the two",
        ),
    ],
)
def test_what_an_option_cannot_take_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SpellingError, match=re.escape(message)):
        spell(values, "--key=value", options_of(a_parser()))


def test_a_flag_that_can_only_switch_on_cannot_be_switched_off() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--amp", action="store_true", default=True)
    with pytest.raises(SpellingError, match="amp cannot be false: the script's --amp makes it True, and without --amp"):
        spell({"amp": False}, "--key=value", options_of(parser))


def test_all_that_cannot_be_spelled_is_told_at_once() -> None:
    with pytest.raises(SpellingError) as caught:
        spell({"amp": 3, "bias": 4, "epochs": 1}, "--key=value", options_of(a_parser()))
    assert [path for path, _ in caught.value.problems] == [("amp",), ("bias",)]


# --- any parser, any configuration ---

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}([-_][a-z0-9]{1,3})?", fullmatch=True)
TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8)
VALUES: dict[str, Any] = {
    "int": (int, st.integers(-(10**12), 10**12)),
    "float": (float, st.floats(allow_nan=False)),
    "str": (str, TEXTS),
}
# A text of several that begins with a dash cannot be given to argparse at all, and neither can -inf.
ENTRIES: dict[str, Any] = {
    "int": VALUES["int"],
    "float": (float, st.floats(allow_nan=False, allow_infinity=False)),
    "str": (str, TEXTS.filter(lambda text: text[:1] != "-")),
}


@st.composite
def parsers(draw: st.DrawFn) -> tuple[argparse.ArgumentParser, dict[str, Any]]:
    """Return a parser, and values for some of its options, by their `dest`."""
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
    config: dict[str, Any] = {}
    names = draw(st.lists(NAMES, unique_by=lambda name: name.replace("-", "_"), min_size=1, max_size=6))
    for name in names:
        kind = draw(st.sampled_from(["value", "flag", "off", "negatable", "list", "append", "positional", "bool?"]))
        dest = name.replace("-", "_")
        convert, values = VALUES[draw(st.sampled_from(list(VALUES)))]
        convert, entries = ENTRIES[convert.__name__]
        value: Any = draw(values)
        if kind == "value":
            parser.add_argument(f"--{name}", type=convert)
        elif kind in ("flag", "off"):
            parser.add_argument(f"--{name}", action="store_true" if kind == "flag" else "store_false")
            value = draw(st.booleans())
        elif kind == "negatable":
            parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction)
            value = draw(st.booleans())
        elif kind == "list":
            parser.add_argument(f"--{name}", type=convert, nargs=draw(st.sampled_from(["+", "*", 2])))
            value = draw(st.lists(entries, min_size=2, max_size=2))
        elif kind == "append":
            parser.add_argument(f"--{name}", type=convert, action="append")
            value = draw(st.lists(values, min_size=1, max_size=3))
        elif kind == "positional":
            parser.add_argument(name, type=convert)
            value, dest = draw(entries), name
        else:
            parser.add_argument(f"--{name}", type=lambda text: text == "True", nargs="?", const=True, default=False)
            value = draw(st.booleans())
        if kind == "positional" or draw(st.booleans()):
            config[dest] = value
    return parser, config


@repeatable
@given(made=parsers(), style=st.sampled_from(DASHED))
def test_parsing_what_was_spelled_gives_the_configuration(
    made: tuple[argparse.ArgumentParser, dict[str, Any]], style: str
) -> None:
    parser, config = made
    namespace = vars(parser.parse_args(spell(config, style, options_of(parser))))
    assert {key: namespace[key] for key in config} == config


# --- variables and files ---


def test_variables_are_named_as_the_keys() -> None:
    values = {"LR": 1e-5, "amp": True, "n": 3, "layers": [1, 2], "model": {"w": 1}, "none": None, "out": "{omit}"}
    assert variables(values) == {"LR": "1e-05", "amp": "True", "n": "3", "layers": "[1, 2]", "model": '{"w": 1}'}


@pytest.mark.parametrize("values", [{"a=b": 1}, {"": 1}, {"a": "x\0"}])
def test_what_cannot_be_a_variable_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SpellingError, match="cannot be an environment variable"):
        variables(values)


def test_a_file_has_the_base_with_the_values_in_it() -> None:
    base = {"model": {"width": 64, "depth": 2}, "seed": 1}
    made = config_text({"model": {"width": 128, "depth": "{omit}"}, "lr": 1e-5, "tags": []}, base)
    assert json.loads(made) == {"model": {"width": 128, "depth": 2}, "seed": 1, "lr": 1e-5, "tags": []}
    assert '"lr": 1.0e-05' in made


@repeatable
@given(
    values=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    )
)
def test_a_file_is_json_and_its_floats_are_floats_to_yaml_too(values: Any) -> None:
    made = config_text({"x": values})
    assert json.loads(made) == {"x": values}
    if isinstance(values, float) and math.isfinite(values):
        assert re.search(r'"x": -?\d+\.\d*([eE][-+]\d+)?$', made, re.M), "PyYAML reads it as a number"


def test_the_styles_are_those_of_the_job_file() -> None:
    assert STYLES[0] == "--key=value"
    assert len(STYLES) == 7
