"""Options as data, and how a key finds its option."""

from __future__ import annotations

from launcher.command.options import ScriptOption, find_option, folded

RATE = ScriptOption(dest="lr", flags=("-l", "--learning-rate", "--lr"), type_name="float", default=0.1)
QUIET = ScriptOption(dest="loud", flags=("--quiet",), kind="flag", const=False, default=True)
DATA = ScriptOption(dest="data", required=True)


def test_an_option_is_the_same_after_it_was_json() -> None:
    for option in (RATE, QUIET, DATA):
        assert ScriptOption.from_data(option.to_data()) == option


def test_what_a_later_probe_says_more_is_passed_over() -> None:
    assert ScriptOption.from_data({"dest": "x", "later": 1}) == ScriptOption(dest="x")


def test_keys_find_their_option_by_flag_or_dest_with_dashes_alike() -> None:
    for key in ("learning-rate", "learning_rate", "lr", "l"):
        assert find_option(key, [DATA, RATE]) is RATE
    assert find_option("loud", [QUIET]) is QUIET
    assert find_option("quiet", [QUIET]) is QUIET
    assert find_option("data", [RATE, DATA]) is DATA


def test_an_abbreviation_is_no_name() -> None:
    assert find_option("learning_rat", [RATE]) is None
    assert find_option("Lr", [RATE]) is None


def test_the_flag_that_has_the_name_of_the_key_is_typed() -> None:
    assert RATE.flag_for("lr") == "--lr"
    assert RATE.flag_for("learning_rate") == "--learning-rate"
    assert RATE.flag_for("l") == "-l"
    assert QUIET.flag_for("loud") == "--quiet"


def test_the_name_of_an_option_is_its_longest_flag() -> None:
    assert [option.name for option in (RATE, QUIET, DATA)] == ["learning-rate", "quiet", "data"]


def test_names_are_compared_without_dashes() -> None:
    assert folded("--model.max-width") == "model.max_width"
