"""What each ending of an attempt entails, and that files and scripts see plain text."""

from __future__ import annotations

import json

import orjson
import pytest

from launcher.store.ending import FAILURES, KEPT, RETRIED, EndingKind


def test_an_ending_is_its_text_wherever_it_is_written() -> None:
    assert EndingKind.OUT_OF_MEMORY == "out_of_memory"
    assert f"{EndingKind.HUNG}: why" == "hung: why"
    assert str({"a": EndingKind.DONE}) == "{'a': 'done'}"
    assert json.dumps({"ending": EndingKind.KILLED}) == '{"ending": "killed"}'
    assert orjson.dumps({"ending": EndingKind.KILLED}) == b'{"ending":"killed"}'
    assert EndingKind("done") is EndingKind.DONE


def test_what_is_no_ending_is_read_as_none() -> None:
    assert EndingKind.from_text("diverged") is EndingKind.DIVERGED
    for value in ("", "Done", "lost", None, 1, ["done"], {}):
        assert EndingKind.from_text(value) is None


def test_failures_are_tried_again_but_for_a_divergence_which_is_kept() -> None:
    assert {"failed", "out_of_memory", "killed", "hung", "diverged"} == FAILURES
    assert FAILURES - {"diverged"} == RETRIED
    assert {"done", "diverged"} == KEPT


@pytest.mark.parametrize("kind", EndingKind)
def test_every_ending_has_words_and_a_sign_for_a_person(kind: EndingKind) -> None:
    assert kind.meaning
    assert kind.verb
    assert "_" not in kind.label
    assert len(kind.mark) == 1
    assert len(kind.short_label) <= len("interrupted")
