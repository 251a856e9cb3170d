"""Numbers and texts as they lie in the page."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from launcher.reports.html.encoding import pack_floats, pack_steps, script_json


def unpacked(text: str) -> list[float]:
    return np.frombuffer(base64.b64decode(text[1:]), "<f4" if text[0] == "f" else "<f8").tolist()


def test_floats_keep_six_digits_and_take_five_bytes() -> None:
    values = np.array([2.718281828, -0.001, 0.0, 1e30, np.nan])
    text = pack_floats(values)
    assert text[0] == "f"
    assert len(text) <= 1 + 5.34 * len(values) + 3
    assert unpacked(text)[:4] == pytest.approx(values[:4].tolist(), rel=1e-6)
    assert np.isnan(unpacked(text)[4])


def test_floats_that_are_too_large_or_too_small_for_short_ones_are_long() -> None:
    for value in (1e60, 1e-60):
        text = pack_floats(np.array([value, 1.0]))
        assert text[0] == "d"
        assert unpacked(text) == [value, 1.0]


def test_steps_at_even_distances_are_three_numbers() -> None:
    assert pack_steps(range(1, 301)) == {"a": 1, "d": 1, "n": 300}
    assert pack_steps([0, 50, 100]) == {"a": 0, "d": 50, "n": 3}
    assert pack_steps([7]) == {"a": 7, "d": 1, "n": 1}


@pytest.mark.parametrize(("steps", "width"), [([1, 2, 200], 1), ([1, 2, 60_000], 2), ([0, 3, 10**6], 4)])
def test_other_steps_are_differences_of_the_smallest_width(steps: list[int], width: int) -> None:
    packed = pack_steps(steps)
    assert isinstance(packed, dict)
    assert (packed["a"], packed["w"]) == (steps[0], width)
    differences = np.frombuffer(base64.b64decode(packed["b"]), f"<u{width}")
    assert [steps[0], *(steps[0] + np.cumsum(differences)).tolist()] == steps


def test_huge_steps_are_floats() -> None:
    packed = pack_steps([1, 5, 2**60])
    assert isinstance(packed, str)
    assert unpacked(packed)[-1] == 2.0**60


def test_no_text_can_end_the_script_element_or_hide_characters() -> None:
    text = "</script><!-- & \u2028\u2029\u202e\x00\ud800 é"
    written = script_json({"a": [text], text: None})
    assert not any(character in written for character in "<>&\u2028\u2029\u202e\x00")
    assert json.loads(written)["a"] == ["</script><!-- & \\u2028\\u2029\\u202e\\x00\\ud800 é"]
