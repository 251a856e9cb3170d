"""When an experiment is another than the one an earlier launch has trained, and when it only looks so."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from launcher.api import load, plan
from launcher.config.identity import Before, Content, describe_change, differences, digest_now, is_changed
from launcher.errors import InputError
from launcher.planning.plan import Plan
from launcher.planning.wording import describe
from tests.launcher.conftest import Workplace


def digest(config: dict[str, Any], **others: Any) -> str:
    """Return the digest as versions before had it: their folders must go on."""
    content = {"target": "t:run", "config": config, "seed": 0, "inputs": []} | others
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def old(config: dict[str, Any]) -> Before:
    return Before(config, digest(config))


def content(config: dict[str, Any], *at_default: str, **others: Any) -> Content:
    return Content("t:run", config, 0, at_default=list(at_default), **others)


def stored(one: Content) -> Before:
    """Return what is known of an experiment once it has been written down and read back."""
    return Before(json.loads(json.dumps(one.config)), one.digest, one.digest, one.at_default, one.left_out)


CONFIG = {"lr": 0.1, "model": {"width": 2}, "layers": [{"n": 1}]}


def test_a_digest_is_what_it_was() -> None:
    assert content(CONFIG).digest == digest(CONFIG)
    assert digest({"lr": 0.1}) == "7e809b164a5181ab"  # computed by dd594ef


@pytest.mark.parametrize(
    ("now", "at_default"),
    [
        (CONFIG | {"warmup": 0}, ["warmup"]),
        (CONFIG | {"model": {"width": 2, "depth": 3}}, ["model.depth"]),
        (CONFIG | {"layers": [{"n": 1, "bias": True}]}, ["layers.0.bias"]),
        (CONFIG | {"optimizer": {"name": "adam", "eps": 1e-8}}, ["optimizer", "optimizer.eps", "optimizer.name"]),
    ],
)
def test_15_a_field_that_was_absent_and_has_its_default_is_no_change(
    now: dict[str, Any], at_default: list[str]
) -> None:
    before = old(CONFIG)
    assert digest_now(content(now, *at_default), before) == before.digest
    assert digest_now(content(now), before) == content(now).digest  # it was given, and is not the default
    # And back again: what is gone had its default, which only this version writes down.
    assert digest_now(content(CONFIG), stored(content(now, *at_default))) == digest(now)
    assert is_changed(content(CONFIG), stored(content(now)))
    assert is_changed(content(CONFIG), old(now))


def test_15_all_else_is_a_change_and_is_named() -> None:
    before = old(CONFIG)
    now = content(CONFIG | {"lr": 0.2, "model": {"width": 4}, "warmup": 3}, "lr", "model.width")
    assert differences(now, before) == ["lr 0.1 → 0.2", "model.width 2 → 4", "warmup None → 3"]
    assert differences(content({"n": 3.0, "on": True}), stored(content({"n": 3, "on": 1}))) == [
        "n 3 → 3.0",
        "on 1 → True",
    ]
    assert is_changed(Content("t:run", CONFIG, seed=1), before)
    assert is_changed(Content("t:run", CONFIG, 0, ["another file"]), before)
    assert is_changed(Content("t:other", CONFIG, 0), before)
    assert is_changed(content(CONFIG | {"warmup": None}), before)


def test_15_an_adopted_digest_is_kept_from_launch_to_launch() -> None:
    first = content(CONFIG)
    second = content(CONFIG | {"warmup": 0}, "warmup")
    kept = digest_now(second, stored(first))
    after_second = Before(second.config, kept, second.digest, second.at_default, [])
    third = content(CONFIG | {"warmup": 0, "eps": 1}, "warmup", "eps")
    assert digest_now(third, after_second) == first.digest
    assert digest_now(content(CONFIG | {"warmup": 5}), after_second) != first.digest


def test_02_what_an_earlier_version_trained_otherwise_than_recorded_is_a_change() -> None:
    before = old({"lr": 0.2})
    now = content({"lr": 0.2}, was_made_twice=True)
    assert is_changed(now, before)
    assert digest_now(now, before) != before.digest
    assert "__post_init__ applied twice" in describe_change(now, before)
    assert not is_changed(now, stored(now))
    assert not is_changed(content({"lr": 0.2}), stored(now))  # the class has been mended since


def test_16_a_field_that_is_left_out_never_counts() -> None:
    one = content({"lr": 0.1, "run_id": "a"}, left_out=["run_id"])
    other = content({"lr": 0.1, "run_id": "b"}, left_out=["run_id"])
    assert one.digest == other.digest == digest({"lr": 0.1})
    # Left out from now on, or from now on no more.
    assert digest_now(one, old({"lr": 0.1, "run_id": "z"})) == digest({"lr": 0.1, "run_id": "z"})
    assert is_changed(content({"lr": 0.2, "run_id": "a"}, left_out=["run_id"]), stored(one))


def test_16_the_order_of_a_set_never_counts() -> None:
    before = old({"tags": ["b", "a"], "rows": [2, 1]})
    assert digest_now(content({"tags": ["a", "b"], "rows": [2, 1]}, unordered=["tags"]), before) == before.digest
    assert is_changed(content({"tags": ["a", "b"], "rows": [1, 2]}, unordered=["tags"]), before)
    assert is_changed(content({"tags": ["a", "c"], "rows": [2, 1]}, unordered=["tags"]), before)


def test_a_masked_value_is_told_by_the_digest() -> None:
    one = content({"lr": 0.1, "login": {"password": "old"}})
    masked = Before({"lr": 0.1, "login": {"password": "***"}}, one.digest, one.digest, [], [])
    assert digest_now(one, masked) == one.digest
    assert not is_changed(content({"lr": 0.1, "login": {"password": "old"}, "eps": 1}, "eps"), masked)
    assert is_changed(content({"lr": 0.1, "login": {"password": "new"}}), masked)


FIELDS = """
import os, random, tempfile, time, uuid
from dataclasses import dataclass, field
@dataclass
class Config:
    lr: float = 0.1
    {}
def run(config: Config, run):
    run.log(1, loss=config.lr)
"""


def write(place: Workplace, field: str) -> None:
    (place.folder / "changing.py").write_text(FIELDS.format(field))


def planned(place: Workplace) -> Plan:
    """Return the plan of a job whose class is in the training module: it is looked at by a child each time."""
    return plan(load(place.toy({"a": {}}, target="changing:run")))


@pytest.mark.parametrize(
    "default",
    [
        "default_factory=lambda: time.time()",
        "default_factory=lambda: uuid.uuid4().hex",
        "default_factory=tempfile.mkdtemp",
        "default_factory=random.random",
        "default_factory=lambda: repr(object())",
    ],
)
def test_16_a_field_that_is_another_each_time_is_named(place: Workplace, default: str) -> None:
    write(place, f"run_id: object = field({default})")
    with pytest.raises(InputError) as caught:
        planned(place)
    told = str(caught.value)
    assert "config.run_id is another each time the configuration is made." in told
    assert 'metadata={"identity": False}' in told
    write(place, f'run_id: object = field({default}, metadata={{"identity": False}})')
    assert planned(place).decisions[0].experiment.digest == planned(place).decisions[0].experiment.digest


@pytest.mark.parametrize("default", ["default_factory=os.getpid", "default_factory=lambda: list({*'abcdefghijklmno'})"])
def test_16_a_field_that_is_another_in_each_process_is_named_before_a_worker_starts(
    place: Workplace, default: str
) -> None:
    place.environment["PYTHONHASHSEED"] = "random"
    write(place, f"where: object = field({default})")
    result = place.launch(str(place.toy({"a": {}, "b": {}}, target="changing:run")), "--devices", "cpu")
    assert result.code == 2
    assert "a, b: where is not what it was where the configuration was checked" in result.err
    assert 'metadata={"identity": False}' in result.err
    assert not place.paths.records("a").exists()


def test_16_a_field_that_only_the_worker_finds_another_fails_by_name(place: Workplace) -> None:
    flag = "default_factory=lambda: 'cuda' if os.path.exists('flag') else 'cpu'"
    hook = "def prepare(config: Config): open('flag', 'w').close()"
    write(place, f"device: str = field({flag})")
    with (place.folder / "changing.py").open("a") as file:
        file.write(hook)
    job = place.toy({"a": {}}, target="changing:run")
    result = place.launch(str(job), "--devices", "cpu", "--threads", "1")
    assert result.code == 1
    assert "device ('cpu' → 'cuda') is not what it was where the configuration was checked" in result.err
    (place.folder / "flag").unlink()
    write(place, f'device: str = field({flag}, metadata={{"identity": False}})')
    with (place.folder / "changing.py").open("a") as file:
        file.write(hook)
    assert place.launch(str(job), "--devices", "cpu", "--threads", "1").code == 0
    assert "device: may be other values in the worker" in place.log("a")


@pytest.mark.slow
def test_15_16_a_sweep_goes_on_when_fields_come_and_a_set_is_in_another_order(place: Workplace) -> None:
    tags = 'tags: frozenset[str] = frozenset({"flip", "crop", "jitter"})'
    write(place, tags)
    job = place.toy({"a": {}, "b": {"lr": 0.2}}, target="changing:run")
    assert place.launch(str(job), "--devices", "cpu", "--threads", "1").code == 0
    first = place.history("a").start
    write(place, f"{tags}\n    warmup: int = 0")
    again = place.launch(str(job), "--devices", "cpu", "--threads", "1")
    assert "nothing to do" in again.err
    decisions = {one.experiment.name: one for one in _plan_of(place, job).decisions}
    assert {one.action for one in decisions.values()} == {"keep"}
    assert first is not None
    assert decisions["a"].experiment.digest == first["digest"]
    # Taken out of the job for a launch, and back again: known still.
    place.toy({"a": {}, "c": {"lr": 0.3}}, target="changing:run")
    assert place.launch(str(job), "--devices", "cpu", "--threads", "1").code == 0
    place.toy({"a": {}, "b": {"lr": 0.2}}, target="changing:run")
    assert {one.action for one in _plan_of(place, job).decisions} == {"keep"}
    write(place, tags.replace("flip", "turn"))
    assert "changed: tags ['crop', 'flip', 'jitter'] → ['crop', 'jitter', 'turn']" in describe(_plan_of(place, job))


MODELS = """
from dataclasses import dataclass, field
from pydantic import BaseModel, Field
class Inner(BaseModel):
    tags: set[str] = {"flip", "crop", "jitter"}
    note: str = Field("x", json_schema_extra={"identity": False})
    width: int = 1
class Model(BaseModel):
    inner: Inner = Inner()
    lr: float = 0.1
@dataclass
class Config:
    inner: Inner = field(default_factory=Inner)
    lr: float = 0.1
"""


@pytest.mark.parametrize("cls", ["Model", "Config"])
def test_15_16_so_does_one_with_models_of_pydantic(place: Workplace, cls: str) -> None:
    (place.folder / "models.py").write_text(MODELS)
    (place.folder / "train.py").write_text(
        f"from models import {cls}\ndef run(config: {cls}, run): run.log(1, loss=1)\n"
    )
    job = place.toy({"a": {}, "b": {"inner.width": 3}}, target="train:run")
    assert place.launch(str(job), "--devices", "cpu").code == 0
    (place.folder / "models.py").write_text(
        MODELS.replace("width: int = 1", "width: int = 1\n    depth: int = 2").replace('"x"', '"y"')
    )
    again = place.launch(str(job), "--devices", "cpu")
    assert "nothing to do" in again.err
    (place.folder / "models.py").write_text(MODELS.replace("flip", "turn"))
    assert "changed: inner.tags ['crop', 'flip', 'jitter']" in place.launch("plan", str(job), "--devices", "cpu").out


def _plan_of(place: Workplace, job: Path) -> Plan:
    return plan(load(job, outcome=place.paths.outcome, logs=place.paths.logs))
