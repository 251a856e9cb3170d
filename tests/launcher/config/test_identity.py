"""What counts as a change of an experiment, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.config.identity import Before, Content, describe_change, digest_now, is_changed


def content(config: dict[str, Any], **about: Any) -> Content:
    return Content("m:f", config, about.pop("seed", 0), **about)


def before(config: dict[str, Any], **about: Any) -> Before:
    """Return an experiment as an earlier launch has written it."""
    at_default, left_out = about.get("at_default", []), about.get("left_out", [])
    digest = content(config, left_out=left_out).digest
    return Before(config, f"old{digest}", digest, at_default, left_out)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (before({"lr": 0.1}), content({"lr": 0.1})),
        (before({"lr": 0.1}), content({"lr": 0.1, "new": 3}, at_default=["new"])),
        (before({"lr": 0.1, "gone": 3}, at_default=["gone"]), content({"lr": 0.1})),
        (before({"lr": 0.1, "at": 1}, left_out=["at"]), content({"lr": 0.1, "at": 2}, left_out=["at"])),
        (before({"tags": ["b", "a"]}), content({"tags": ["a", "b"]}, unordered=["tags"])),
        (before({"model": {"width": 3}}), content({"model": {"width": 3, "new": 1}}, at_default=["model.new"])),
    ],
    ids=["nothing", "a new field at its default", "a field gone from its default", "left out", "a set", "nested"],
)
def test_what_is_no_change_keeps_the_earlier_digest(was: Before, now: Content) -> None:
    assert not is_changed(now, was)
    assert digest_now(now, was) == was.digest


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (before({"lr": 0.1}), content({"lr": 0.2}), "changed: lr 0.1 → 0.2"),
        (before({"lr": 0.1}), content({"lr": 0.1, "new": 3}), "changed: new None → 3"),
        (before({"lr": 0.1, "gone": 3}), content({"lr": 0.1}), "changed: gone 3 → None"),
        (before({"model": {"width": 3}}), content({"model": {"width": 4}}), "changed: model.width 3 → 4"),
        (before({"tags": ["b", "a"]}), content({"tags": ["a", "b"]}), "changed: tags ['b', 'a'] → ['a', 'b']"),
        (before({"lr": 0.1}), content({"lr": 0.1}, seed=1), "changed: its target, seed or data"),
        (
            before({"api_key": "***"}),
            content({"api_key": "x"}),
            "changed: its target, seed or data, or api_key *** → ***",
        ),
    ],
)
def test_what_is_a_change_is_described(was: Before, now: Content, told: str) -> None:
    assert is_changed(now, was)
    assert digest_now(now, was) == now.digest != was.digest
    assert describe_change(now, was) == told


def test_without_an_earlier_launch_the_digest_is_of_the_content() -> None:
    assert digest_now(content({"lr": 0.1}), None) == content({"lr": 0.1}).digest
    assert content({"lr": 0.1}, inputs=["a"]).digest != content({"lr": 0.1}).digest
