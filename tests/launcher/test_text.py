"""Words for people: numbers, durations, escapes, hints."""

from __future__ import annotations

import pytest

from launcher import text


def test_a_signal_without_a_name_has_its_number() -> None:
    assert [text.signal_name(number) for number in (9, 15, 40)] == ["SIGKILL", "SIGTERM", "signal 40"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5.87012, "5.8701"),
        (0.01, "0.0100"),
        (0.000012, "1.2e-05"),
        (2168.04, "2168.0"),
        (4.3e9, "4.3e+09"),
        (float("nan"), "nan"),
        (-float("inf"), "-inf"),
        (7, "7"),
        ("text", "text"),
        (True, "True"),
    ],
)
def test_a_number_has_as_many_digits_as_say_something(value: object, shown: str) -> None:
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (0.04, "0.0 s", "0:00"),
        (59.9, "59.9 s", "1:00"),
        (60.0, "1:00 min", "1:00"),
        (187.4, "3:07 min", "3:07"),
        (3599.6, "1:00:00 h", "1:00:00"),
        (7629.0, "2:07:09 h", "2:07:09"),
    ],
)
def test_a_duration_is_written_out_or_as_on_a_clock(seconds: float, long: str, short: str) -> None:
    assert (text.duration(seconds), text.clock(seconds)) == (long, short)


def test_a_mean_has_the_digits_of_its_spread() -> None:
    assert text.with_spread(5.1, 0.41) == "5.10 ± 0.41"
    assert text.with_spread(349.2, 89.0) == "349 ± 89"
    assert text.with_spread(1.5, 0.0) == "1.5000 ± 0"


def test_differences_and_sizes_have_three_digits() -> None:
    assert [text.rounded(value) for value in (0.7164, -91.08, 1230.4, 2e-9)] == ["0.716", "-91.1", "1,230", "2e-09"]
    assert [text.size(value) for value in (812e6, 21.34e9)] == ["812 MB", "21.3 GB"]
    assert [text.plural(count, "step") for count in (0, 1, 3)] == ["0 steps", "1 step", "3 steps"]


def test_what_a_terminal_would_act_on_becomes_an_escape() -> None:
    assert text.printable("a\x1b[31mb\r\n\tc\u202e\udcff") == "a\\x1b[31mb\\r\n\tc\\u202e\\udcff"
    assert text.inline("a\n\tb") == "a\\n\\tb"
    assert text.printable("grün ✓") == "grün ✓"


def test_long_text_is_cut_unless_all_of_it_is_wanted() -> None:
    assert text.printable("x" * 11, 10) == "x" * 10 + "…"
    assert text.printable("x" * 10, 10) == "x" * 10
    assert text.printable("x" * 10_000, None) == "x" * 10_000


def test_the_closest_choice_is_offered_whatever_its_case() -> None:
    assert text.did_you_mean("Learning_rat", ["lr", "learning_rate"]) == ' Did you mean "learning_rate"?'
    assert text.did_you_mean("lr", ["embed_dim"]) == ""
    assert text.did_you_mean("lr", []) == ""


@pytest.mark.parametrize(
    ("level", "spread", "shown"),
    [(5.1037, 0.4056, "5.10 ± 0.41"), (348.85, 89.36, "349 ± 89"), (2.0, 0.0, "2.0000 ± 0")],
)
def test_a_level_has_the_digits_its_spread_allows(level: float, spread: float, shown: str) -> None:
    assert text.with_spread(level, spread) == shown


def test_differences_have_three_digits() -> None:
    assert [text.rounded(value) for value in (0.71654, 91.05, 1234.5, 1e-9, 0.0)] == [
        "0.717",
        "91.0",
        "1,234",
        "1e-09",
        "0",
    ]


def test_a_long_list_ends_with_how_many_are_left_out() -> None:
    assert text.listed(["a", "b"]) == "a, b"
    assert text.listed(["a", "b", "c", "d"], 3) == "a, b, c and 1 more"


def test_an_interval_beside_zero_shows_on_which_side_it_is() -> None:
    assert text.interval_words(-0.42, -0.0021) == ("-0.420", "-0.002")
    assert text.with_interval(-0.21, -0.42, -0.004) == "-0.210 [-0.420, -0.004]"
    assert text.with_interval(0.05, 0.00000001, 0.1) == "0.050 [0.000, 0.100]", "not more digits than can be read"
    assert text.interval_words(-0.42, 0.0) == ("-0.42", "0.00")
    assert text.interval_words(-0.31, 0.52) == ("-0.31", "0.52")
