"""Checkpoints: what is written can be read, wherever the target has gone; what cannot be is passed over and told."""

from __future__ import annotations

import collections
import enum
import hashlib
import io
import json
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from launcher.store import payload
from launcher.store.checkpoints import Checkpoints
from tests.launcher.conftest import Workplace

TARGET = """
import os
from pathlib import Path

import numpy as np

Path("scratch").mkdir(exist_ok=True)

def run(config: dict, run):
    os.chdir("scratch")  # 09
    run.total(6)
    if run.name == "unfit":
        run.log(1, loss=1.0)
        run.save({"step": 1}, 1)
        run.save({"sched": {"lr_lambdas": [lambda step: 1.0]}}, 2)
    state = run.load()
    if state is not None:
        assert type(state["best"]) is np.float64 and state["best"] < 0.5, state["best"]
        np.random.set_state(state["np_rng"])
        run.info(drawn=float(np.random.random()), expected=state["drawn_next"])
    first = state["step"] + 1 if state else 1
    for step in range(first, 7):
        run.log(step, loss=1.0 / step)
        rng = np.random.get_state()
        drawn = float(np.random.random())
        np.random.set_state(rng)
        run.save({"step": np.int64(step), "best": np.float64(0.3), "np_rng": rng, "drawn_next": drawn}, np.int64(step))
        if state is None and step == 3:
            raise RuntimeError("told to fail")
    (run.outcome / "final.txt").write_text("w")
    import lazily  # beside the job file, found though the working directory is another
    run.info(lazily=lazily.NAME)
"""


def rewrite(path: Path, body: bytes, **header: Any) -> None:
    """Put a body with a right checksum into a checkpoint."""
    known = json.loads(path.read_bytes().partition(b"\n")[0])
    known |= {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)} | header
    path.write_bytes(json.dumps(known).encode() + b"\n" + body)


@pytest.mark.slow
def test_01_09_what_is_saved_comes_back_and_what_does_not_is_told(place: Workplace) -> None:
    (place.folder / "saves.py").write_text(TARGET)
    (place.folder / "lazily.py").write_text("NAME = 'found'\n")
    job = place.toy({"a": {}, "unfit": {}}, target="saves:run")
    first = place.launch(str(job), "--parallel", "--devices", "cpu")
    assert first.code == 1
    assert (
        'run.save: state["sched"]["lr_lambdas"][0] is a function, which a checkpoint cannot give back: leave it out'
        in first.err
    )
    assert [path.name for path in place.paths.checkpoints("unfit").iterdir()] == ["step-000000000001.ckpt"]
    kept = sorted(path.name for path in place.paths.checkpoints("a").iterdir())
    assert kept == ["step-000000000002.ckpt", "step-000000000003.ckpt"]
    rewrite(place.paths.checkpoints("a") / kept[-1], b"odd")
    again = place.launch(str(job), "--only", "a", "--devices", "cpu")
    assert again.code == 0, again.err
    assert "goes on from its checkpoint" in again.err
    told = "its checkpoint step-000000000003.ckpt was passed over (it cannot be loaded ("
    assert f"a: {told}" in again.err
    assert "; it goes on from step 2." in again.err
    assert told in place.log("a")
    history = place.history("a")
    assert history.info["drawn"] == history.info["expected"]
    assert list(history.steps) == [1, 2, 3, 4, 5, 6]
    assert (place.paths.outcome / "final.txt").read_text() == "w"
    assert history.info["lazily"] == "found"
    assert list((place.folder / "scratch").iterdir()) == []


Colour = enum.Enum("Colour", ["RED"])
Pair = collections.namedtuple("Pair", ["one", "two"])


def kept_values() -> dict[str, Any]:
    import numpy as np
    import torch

    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    model(torch.ones(2)).sum().backward()
    optimizer.step()
    shared = np.arange(3)
    return {
        "float": np.float64(0.3), "bool": np.bool_(True), "text": np.str_("a"), "day": np.datetime64("2026-01-01"),
        "complex": np.complex64(1j), "arrays": [np.zeros((0, 3)), np.asfortranarray(np.eye(2)), np.array("é")],
        "structured": np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]), "shared": [shared, shared],
        "python": random.getstate(),
        "numpy": np.random.get_state(), "generator": np.random.default_rng(1).bit_generator.state, np.int64(7): 1,
        "torch": torch.get_rng_state(), "model": model.state_dict(), "adamw": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(), "scaler": torch.amp.GradScaler("cpu").state_dict(), "none": None,
        "containers": [(1, 2), {3}, collections.OrderedDict(a=1), collections.Counter("aab"), b"x", bytearray(b"y")],
        "torch's": [torch.float32, torch.device("cpu"), torch.Size([1]), torch.nn.Parameter(torch.ones(1))],
        "nan": float("nan"), "large": 2**600,
    }  # fmt: skip


def unfit_values() -> dict[str, Any]:
    import argparse
    import datetime

    import numpy as np
    import torch

    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    return {
        "function": len, "lambda": lambda: 1, "module": torch.nn.Linear(1, 1), "path": Path("a"), "enum": Colour.RED,
        "date": datetime.datetime(2026, 1, 1), "namespace": argparse.Namespace(a=1), "named tuple": Pair(1, 2),
        "defaultdict": collections.defaultdict(list), "deque": collections.deque([1]), "frozenset": frozenset([1]),
        "objects": np.array([None], dtype=object), "masked": np.ma.array([1]), "rng": np.random.default_rng(1),
        "torch rng": torch.Generator(), "huge": 2**3000, "dtype": np.dtype("f4"), "class": int, "nothing": b"",
        "inside": [1, {"a": (2, {3: Path("b")})}], "key": {Colour.RED: 1}, "deep": deep,
    }  # fmt: skip


def test_01_every_kind_of_value_comes_back_as_it_was_or_is_refused_by_its_place() -> None:
    import numpy as np
    import torch

    values = kept_values()
    for is_tried in (True, False):
        back = payload.load(payload.dump(values, is_tried=is_tried).getvalue())
        assert list(back) == list(values)
        for key, value in values.items():
            assert repr(back[key]) == repr(value), key
            assert type(back[key]) is type(value), key
        assert back["shared"][0] is back["shared"][1]
    np.random.set_state(back["numpy"])
    random.setstate(back["python"])
    torch.set_rng_state(back["torch"])
    for odd in ([1], "abc", torch.nn.Linear(1, 1)):
        with pytest.raises(TypeError, match=r"run\.save: the state is an? \w+; give a dict"):
            payload.dump(odd, is_tried=True)  # type: ignore[arg-type]
    for name, value in unfit_values().items():
        for is_tried in (True, False):  # at the first save, and at each later one
            with pytest.raises(TypeError, match=r"run\.save: .*A checkpoint holds .*Nothing was written") as raised:
                payload.dump({"fine": 1, name: value}, is_tried=is_tried)
            place = {"inside": 'state["inside"][1]["a"][1][3] is a PosixPath', "deep": "the state cannot be kept"}
            place |= {"key": 'the key <Colour.RED: 1> of state["key"] is a Colour'}
            assert place.get(name, f"state[{json.dumps(name)}] is ") in str(raised.value)


def odd_bodies() -> dict[str, bytes]:
    import torch

    empty, list_of, deep = io.BytesIO(), io.BytesIO(), io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    torch.save([1], list_of)
    with zipfile.ZipFile(deep, "w") as file:
        file.writestr(
            "archive/data.pkl", b"\x80\x02" + b"]" * 10 + b"h\x63" + b"."
        )  # a memo that is not there: KeyError
        file.writestr("archive/version", b"3\n")
    return {
        "empty": b"", "empty zip": empty.getvalue(), "a list": list_of.getvalue(), "no memo": deep.getvalue(),
        "text": b"\x80\x04\x95" + b"\xff" * 50,
        "legacy": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
    }  # fmt: skip


def test_F17_a_checkpoint_with_an_odd_body_is_passed_over_for_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path / "a", "a", "digest")
    checkpoints.save({"step": 5}, 5)
    checkpoints.save({"step": 10}, 10)
    newest = checkpoints.files()[0]
    for name, body in odd_bodies().items():
        rewrite(newest, body)
        assert checkpoints.load() == ({"step": 5}, 5), name
        assert list(checkpoints.passed_over) == [newest.name]
    rewrite(newest, payload.dump({"step": 10}, is_tried=False).getvalue())
    for error in (MemoryError(), RecursionError("too deep"), KeyError("x"), AttributeError("y")):

        def fail(_payload: bytes, error: Exception = error) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(payload, "load", fail)
            assert checkpoints.load() is None
    assert checkpoints.load() == ({"step": 10}, 10)
    for step in (True, -1, 10**400, 1.5, None, [1]):
        rewrite(newest, b"", step=step)
        assert checkpoints.load() == ({"step": 5}, 5)
        assert checkpoints.passed_over == {newest.name: "it is not a checkpoint"}
    newest.write_bytes(b"[" * 100_000)
    assert checkpoints.load() == ({"step": 5}, 5)
    assert Checkpoints(tmp_path / "a", "a", "digest").has_any()
    newest.unlink()
    os.mkfifo(newest)  # nobody waits for it
    assert checkpoints.load() == ({"step": 5}, 5)
    newest.unlink()
    rewrite(checkpoints.files()[0], b"odd")
    assert checkpoints.load() is None
    checkpoints.save({"step": 1}, 1)  # what begins anew is not hidden by what it could not use
    assert checkpoints.load() == ({"step": 1}, 1)
    checkpoints.save({"step": 2}, 10**13)
    assert checkpoints.load() == ({"step": 2}, 10**13)
