"""Orders: whatever a specification holds comes back as it was, and a file from another hand is not believed."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.clusters import plain_values, typed_json
from launcher.clusters.order import Order
from launcher.command.script import Script
from launcher.store.paths import Paths
from launcher.worker.spec import Card, Spec

TEXTS = st.text(st.characters(codec=None) | st.sampled_from("\ud83d\ude00\udc80@\0"), max_size=8)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes)))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**4096, -(2**9000)])
    | st.floats(allow_nan=False)
    | TEXTS
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | ZONES)
    | TEXTS.filter(lambda text: "\0" not in text).map(Path),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXTS | st.just("@") | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)
SPEC = Spec(
    experiment="a",
    attempt=2,
    target="toy:train",
    folder=Path("/job"),
    config={"lr": 0.1},
    given={},
    digest="d",
    state_digest="s",
    seed=-1,
    device_type="cuda",
    environment={"A": "\udc80"},
    threads=2,
    paths=Paths(Path("/outcome"), Path("/logs"), 2),
    checkpoint_s=60.0,
)
SCRIPT = Script(
    argv=("python", "train.py", "\0"),
    shown="python train.py",
    folder=Path("/job"),
    dir=Path("/outcome/runs/a"),
    environment={},
    log=("step {step}", "loss {loss}"),
    total=7,
)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, and of equal types in all their parts."""
    if type(one) is not type(other) or isinstance(one, float):
        return type(one) is type(other) and (one == other or (one != one and other != other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@given(VALUES)
def test_every_value_of_a_configuration_comes_back_as_it_was(value: Any) -> None:
    data = json.dumps(plain_values.to_json(value, "value")).encode()
    assert same(plain_values.from_json(json.loads(data), "value"), value)


@given(
    st.dictionaries(TEXTS, VALUES, max_size=3),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.lists(TEXTS, max_size=3).map(tuple),
    st.floats(0, 8),
    st.booleans(),
)
def test_every_order_comes_back_as_it_was(
    config: dict[str, Any], environment: dict[str, str], texts: tuple[str, ...], number: float, is_script: bool
) -> None:
    script = replace(SCRIPT, argv=texts, environment=environment, log=texts or "auto") if is_script else None
    cards = tuple(Card(text, "model") for text in texts)
    spec = replace(SPEC, config=config, given=config, environment=environment, script=script, cards=cards)
    order = Order(spec=spec, again=replace(spec, attempt=3) if is_script else None, gpus=number, code=environment)
    data = json.dumps(typed_json.to_json(order, "")).encode()
    found = typed_json.from_json(Order, json.loads(data), "")
    assert found == order
    assert same(found.spec.config, config)


def test_what_is_no_number_or_a_long_one_stays_so() -> None:
    values = [math.nan, math.inf, -math.inf, -0.0, 2**20000]  # which Python refuses to write in decimal digits
    found = plain_values.from_json(json.loads(json.dumps(plain_values.to_json(values, ""))), "")
    assert same(found, values)
    assert math.copysign(1, found[3]) == -1


def test_only_its_owner_may_read_an_order(tmp_path: Path) -> None:
    path = tmp_path / "attempts" / "a" / "1.order"
    Order(spec=SPEC).write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Order.read(path) == Order(spec=SPEC)
    assert [entry.name for entry in path.parent.iterdir()] == ["1.order"]


class Odd:
    """A value of a class of the user's."""


def test_a_value_that_cannot_be_told_is_named(tmp_path: Path) -> None:
    order = Order(spec=replace(SPEC, given={"optimizer": {"betas": [0.9, Odd()]}}))
    with pytest.raises(TypeError, match=r"spec\.given\.optimizer\.betas\[1\] is a .*Odd"):
        order.write(tmp_path / "1.order")
    assert not list(tmp_path.iterdir())
    deep: list[Any] = []
    for _ in range(60):
        deep = [deep]
    with pytest.raises(TypeError, match="levels"):
        plain_values.to_json(deep, "x")


def _json() -> dict[str, Any]:
    return dict(json.loads(json.dumps(typed_json.to_json(Order(spec=SPEC), ""))))


@pytest.mark.parametrize(
    ("where", "value", "why"),
    [
        (("spec", "seed"), "1", "spec.seed is not a whole number"),
        (("spec", "seed"), True, "spec.seed is not a whole number"),
        (("spec", "config"), [], "spec.config is not a table"),
        (("spec", "folder"), "x", "spec.folder is not a path"),
        (("spec", "paths"), {"logs": 3}, "spec.paths.outcome is missing"),
        (("spec", "cards"), [{"uuid": 1, "name": ""}], r"spec.cards\[0\].uuid is not a text"),
        (("spec", "environment"), {"A": 1}, "spec.environment.A is not a text"),
        (("spec", "config"), {"x": {"@": "date", "is": 3}}, "spec.config.x is no date"),
        (("spec", "config"), {"x": {"@": "eval", "is": "1"}}, "spec.config.x is of an unknown kind"),
        (("spec", "config"), {"x": {"@": [], "is": "1"}}, "unknown kind"),
        (("spec", "config"), {"@": "dict", "is": [[1]]}, "spec.config is no dict"),
        (("spec", "config"), {"@": "dict", "is": [[[], 1]]}, "spec.config is no dict"),
        (("preload",), "torch", "preload is not a list"),
        (("preload",), {"@": "tuple", "is": [1]}, r"preload\[0\] is not a text"),
        (("metrics",), {"@": "tuple", "is": 3}, "metrics is no tuple"),
        (("spec",), None, "spec is not an object"),
    ],
)
def test_a_file_that_holds_no_order_is_refused(where: tuple[str, ...], value: Any, why: str) -> None:
    content = inner = _json()
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(ValueError, match=why):
        typed_json.from_json(Order, content, "")


def test_fields_of_a_newer_version_are_passed_over_and_missing_ones_have_defaults(tmp_path: Path) -> None:
    content = _json() | {"new": 1}
    del content["gpus"], content["spec"]["cards"]
    assert typed_json.from_json(Order, content, "") == Order(spec=SPEC)
    for text in ("", "[]", "{", "[" * 10000):
        (tmp_path / "1.order").write_text(text)
        with pytest.raises(ValueError, match=r"."):
            Order.read(tmp_path / "1.order")
