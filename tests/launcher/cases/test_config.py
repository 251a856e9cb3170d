"""One configuration: what a job file gives is what the target gets, and what is written down about it."""

from __future__ import annotations

import json
from dataclasses import InitVar, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from launcher import load
from launcher.cli.overrides import parse
from launcher.config import notation, validation
from launcher.errors import InputError
from launcher.planning.plan import decide
from launcher.planning.resolve import resolve
from launcher.planning.wording import notices
from tests.launcher.conftest import Workplace

ARGUMENTS = """
import argparse, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.25)
LR = parser.parse_args().lr
"""


def given(place: Workplace, job: str, target: str = "dict", **options: Any) -> dict[str, dict[str, Any]]:
    """Return what the target of a job would get for each experiment; the target's file is beside the job."""
    if target == "dict":
        (place.folder / "any_keys.py").write_text("def run(config: dict, run): pass\n")
        target = "any_keys:run"
    path = place.job(f'[sweep]\ntarget = "{target}"\npreload = []\nmetrics = []\n{job}')
    return {one.name: one.given for one in resolve(load(path, **options))}


def refused(place: Workplace, job: str, target: str, **options: Any) -> str:
    """Return what is said about a job that is refused."""
    with pytest.raises(InputError) as caught:
        given(place, job, target, **options)
    return str(caught.value)


def test_10_argv_is_that_of_a_script_without_arguments(place: Workplace) -> None:
    (place.folder / "arguments.py").write_text(ARGUMENTS)
    (place.folder / "config_of.py").write_text(
        f"{ARGUMENTS}\nfrom dataclasses import dataclass\n@dataclass\nclass Config:\n    lr: float = LR\n"
    )
    (place.folder / "script.py").write_text(
        f"{ARGUMENTS}\nfrom config_of import Config\n"
        "def prepare(config: Config): assert sys.argv[1:] == [] and config.lr == 0.25\n"
        "def run(config: Config, run): run.log(1, loss=config.lr, argv=' '.join(sys.argv))\n"
    )
    job = place.toy({"a": {}}, target="script:run")
    result = place.launch(str(job), "--devices", "cpu", "--threads", "1")
    assert result.code == 0, result.err
    assert place.history("a").steps[1] == {"loss": 0.25, "argv": str(place.folder / "script.py")}


def test_10_an_argument_that_is_required_is_told_by_plan_and_run_alike(place: Workplace) -> None:
    (place.folder / "script.py").write_text(
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--lr', required=True)\n"
        "parser.parse_args()\ndef run(config, run): pass\n"
    )
    job = place.toy({"a": {}}, target="script:run")
    for command in ("plan", "run"):
        result = place.launch(command, str(job), "--devices", "cpu")
        assert result.code == 2
        assert "importing script failed" in result.err
        assert "arguments are required: --lr" in result.err
    assert not place.paths.outcome.exists()


SCALED = """
from dataclasses import dataclass, field
@dataclass
class Part:
    width: int = 2
    def __post_init__(self): self.width *= 2
@dataclass
class Config:
    lr: float = 0.1
    batch_size: int = 512
    accumulation: int = 1
    part: Part = field(default_factory=Part)
    def __post_init__(self): self.lr = self.lr * self.batch_size / 256
def prepare(config: Config): assert config.lr == 0.1 * config.batch_size / 256
def run(config: Config, run): run.log(1, loss=config.lr, width=config.part.width)
"""


def test_02_post_init_is_applied_once(place: Workplace) -> None:
    (place.folder / "scaled.py").write_text(SCALED)
    job = place.toy({"a": {}, "large": {"batch_size": 1024}}, target="scaled:run")
    result = place.launch(str(job), "--devices", "cpu", "--threads", "1")
    assert result.code == 0, result.err
    assert place.history("a").steps[1] == {"loss": 0.2, "width": 4}
    assert place.history("large").steps[1]["loss"] == 0.4
    recorded = {one["name"]: one["config"] for one in json.loads(place.paths.sweep.read_text())["experiments"]}
    assert (recorded["a"]["lr"], recorded["large"]["lr"], recorded["a"]["part"]) == (0.2, 0.4, {"width": 4})
    assert "config   lr = 0.2" in place.log("a")
    verified = place.launch("verify", "--job", str(job), "--devices", "cpu")
    assert "a: 1 steps, all identical" in verified.out


def test_02_a_halved_batch_that_would_be_another_training_is_refused(place: Workplace) -> None:
    (place.folder / "scaled.py").write_text(SCALED)
    job = place.toy({"a": {}}, target="scaled:run", on_oom="halve_batch")
    result = place.launch(str(job), "--devices", "cpu")
    assert result.code == 2
    assert "a with batch_size=256, accumulation=2 would be another training: its class makes lr 0.2 → 0.1" in result.err


@dataclass
class Inner:
    width: int = 2

    def __post_init__(self) -> None:
        self.width *= 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    lr: float = 0.5
    inner: Inner = field(default_factory=Inner)
    path: Path = Path("x")
    pair: tuple[int, ...] = (1, 2)
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", self.lr + 1)


@dataclass
class Derived(Inner):
    factor: InitVar[int] = 5
    total: int = field(init=False)
    fixed: int = field(init=False, default=7)

    def __post_init__(self, factor: int) -> None:  # type: ignore[override]
        super().__post_init__()
        self.total = self.width * factor


@dataclass(init=False)
class OwnInit:
    width: int = 1

    def __init__(self, width: int = 1) -> None:
        self.width = width * 10


@pytest.mark.parametrize(
    ("cls", "values"),
    [(Frozen, {"lr": 1.0}), (Frozen, {}), (Derived, {"width": 4}), (Derived, {"factor": 2}), (OwnInit, {"width": 4})],
)
def test_02_an_instance_is_what_the_class_makes_of_the_values(cls: type, values: dict[str, Any]) -> None:
    assert validation.check(cls, values) == (cls(**values), [])
    assert validation.build(cls, values) == cls(**values)


NESTED = """
from dataclasses import dataclass, field
@dataclass
class Model:
    width: int = 1
    depth: int = 2
    norm: str | None = "layer"
@dataclass
class Config:
    lr: float = 0.1
    model: Model = field(default_factory=Model)
    extra: dict[str, int] = field(default_factory=dict)
"""
TABLES = """
[config]
extra.a = 1
[config.model]
width = 64
depth = 8
[experiments]
baseline = {}
wide = { model = { width = 256 } }
wider = { model.width = 512, extra.b = 2 }
"""


@pytest.fixture
def nested(place: Workplace) -> str:
    (place.folder / "model.py").write_text(NESTED)
    (place.folder / "nested.py").write_text("from model import Config\ndef run(config: Config, run): pass\n")
    return "nested:run"


def test_05_nested_tables_are_merged_key_by_key(place: Workplace, nested: str) -> None:
    for target in (nested, "dict"):
        found = given(place, TABLES, target)
        assert [one["model"] for one in found.values()] == [{"width": w, "depth": 8} for w in (64, 256, 512)]
        assert [one["extra"] for one in found.values()] == [{"a": 1}, {"a": 1}, {"a": 1, "b": 2}]


@pytest.mark.parametrize(
    "overrides",
    [parse(["model.depth=3"]), parse(["model={depth=3}"]), {"model.depth": 3}, {"model": {"depth": 3}}],
)
def test_05_an_override_of_a_launch_is_merged_too(place: Workplace, nested: str, overrides: dict[str, Any]) -> None:
    found = given(place, TABLES, nested, overrides=overrides)
    assert [one["model"] for one in found.values()] == [{"width": w, "depth": 3} for w in (64, 256, 512)]


def test_05_overrides_of_nested_keys_are_shown_and_do_not_reach_those_that_set_them(
    place: Workplace, nested: str
) -> None:
    given(place, TABLES, nested)
    job = str(place.folder / "job.toml")
    result = place.launch("plan", job, "--devices", "cpu", "-S", "model.width=3", "-S", "model.depth=4")
    assert result.code == 0, result.err
    assert "-S for all: model.width=3, model.depth=4" in result.out
    assert "model.width=512, extra.b=2" in result.out
    assert "-S model.width=3 is not for wide, wider: set it themselves." in result.out
    assert "-S model.depth" not in result.out
    whole = load(place.job('[sweep]\ntarget = "nested:run"\n[experiments]\na = { extra = "@none" }\nb = {}\n'))
    plan = decide(replace(whole, cli_overrides={"extra": {"x": 1}}), [], place.paths)
    assert notices(plan) == ["-S extra.x=1 is not for a: sets it itself."]


PYDANTIC = """
import pydantic.dataclasses as pd
from dataclasses import dataclass, field
from pathlib import Path
from pydantic import BaseModel, Field, field_validator, model_validator
class Scaled(BaseModel):
    lr: float = Field(0.1, alias="rate")
    batch: int = 512
    where: Path = Path("a")
    @model_validator(mode="after")
    def scale(self):
        self.lr = self.lr * self.batch / 256
        return self
class Deeper(Scaled):
    depth: int = Field(2, ge=1)
    inner: Scaled = Field(default_factory=Scaled)
    @field_validator("depth")
    @classmethod
    def doubled(cls, depth): return 2 * depth
@pd.dataclass
class Checked:
    lr: float = 0.1
    batch: int = 512
    where: Path = Path("a")
    @model_validator(mode="before")
    @classmethod
    def named(cls, given): return given
    @model_validator(mode="after")
    def scale(self):
        self.lr = self.lr * self.batch / 256
        return self
@dataclass
class Around:
    scaled: Scaled = field(default_factory=Scaled)
    checked: Checked = field(default_factory=Checked)
"""


@pytest.mark.parametrize(
    ("cls", "table", "made"),
    [
        ("Scaled", "batch = 1024", "Scaled(batch=1024)"),
        ("Scaled", "rate = 0.5, where = 'b'", "Scaled(rate=0.5, where='b')"),
        ("Deeper", "depth = 3, inner = { batch = 1024 }", "Deeper(depth=3, inner={'batch': 1024})"),
        ("Checked", "batch = 1024, where = 'b'", "Checked(batch=1024, where='b')"),
        ("Around", "scaled.batch = 1, checked.batch = 2", "Around(Scaled(batch=1), Checked(batch=2))"),
    ],
)
def test_02_validators_of_pydantic_are_applied_once(place: Workplace, cls: str, table: str, made: str) -> None:
    (place.folder / "classes.py").write_text(PYDANTIC)
    (place.folder / "train.py").write_text(
        f"import classes\nfrom classes import *\nfrom classes import {cls}\n"
        f"def run(config: {cls}, run): assert config == {made} and config != {cls}(), config\n"
    )
    job = f'[sweep]\ntarget = "train:run"\npreload = []\nmetrics = []\n[experiments]\na = {{ {table} }}\n'
    result = place.launch(str(place.job(job)), "--devices", "cpu")
    assert result.code == 0, result.err


OF_PYTHON = """
from dataclasses import dataclass, field
from typing import Callable
class Dtype:
    def __init__(self, bits): self.bits = bits
    def __repr__(self): return f"Dtype({self.bits})"
    def __eq__(self, other): return self.bits == other.bits
    def __hash__(self): return self.bits
class Layer: pass
def relu(x): return x
@dataclass
class Inner:
    dtype: Dtype = Dtype(8)
    width: int = 1
@dataclass(frozen=True, slots=True)
class Config:
    dtype: Dtype = Dtype(32)
    layer: type[Layer] = Layer
    activation: Callable = relu
    inner: Inner = field(default_factory=lambda: Inner(width=4))
    lr: float = 0.1
"""


def test_fields_of_types_that_no_job_file_can_give_keep_their_defaults(place: Workplace) -> None:
    (place.folder / "classes.py").write_text(OF_PYTHON)
    (place.folder / "train.py").write_text(
        "from classes import *\nfrom classes import Config\n"
        "def run(config: Config, run): assert config.dtype is Config().dtype and config.activation is relu\n"
    )
    head = '[sweep]\ntarget = "train:run"\npreload = []\nmetrics = []\n'
    job = place.job(f"{head}[experiments]\na = {{ lr = 0.2 }}\n")
    for _ in range(2):
        result = place.launch(str(job), "--devices", "cpu")
        assert result.code == 0, result.err
    assert "nothing to do" in result.err
    config = resolve(load(job))[0].config
    assert (config["dtype"], config["activation"]) == ("Dtype(32)", "classes.relu")
    assert config["inner"] == {"dtype": "Dtype(8)", "width": 4}
    told = refused(place, "[experiments]\na = { dtype = 16, inner.dtype = 4 }\n", "train:run")
    assert "experiments.a.dtype has a type of which a job file can give no value" in told
    assert "experiments.a.inner.dtype has a type of which" in told


def test_02_what_a_model_of_pydantic_refuses_is_told_with_its_line(place: Workplace) -> None:
    (place.folder / "classes.py").write_text(PYDANTIC)
    (place.folder / "train.py").write_text("from classes import Deeper\ndef run(config: Deeper, run): pass\n")
    told = refused(place, "[experiments]\na = { depht = 3 }\nb = { depth = 0 }\n", "train:run")
    assert 'experiments.a.depht is not a field of classes.Deeper. Did you mean "depth"?' in told
    assert "job.toml:7: experiments.b.depth input should be greater than or equal to 1, not 0" in told


INSTANCES = """
from dataclasses import dataclass, field
from pathlib import Path
from pydantic import BaseModel
@dataclass
class Attention:
    heads: int = 1
    dropout: float = 0.3
@dataclass
class Model:
    width: int = 16
    depth: int = 2
    hidden: int | None = None
    data: Path = Path("a")
    attention: Attention = field(default_factory=lambda: Attention(heads=2))
    def __post_init__(self): self.hidden = self.hidden or 4 * self.width
class Data(BaseModel):
    files: int = 1
    shuffle: bool = False
@dataclass
class Adam:
    lr: float = 1e-3
    beta: float = 0.9
@dataclass
class Sgd:
    lr: float = 0.1
    momentum: float = 0.9
@dataclass
class Scaled:
    lr: float = 0.1
    batch: int = 2
    def __post_init__(self): self.lr *= self.batch
@dataclass
class Config:
    model: Model = field(default_factory=lambda: Model(64, 8, data=Path("b"), attention=Attention(8, 0.0)))
    usual: Model = field(default_factory=Model)
    data: Data = field(default_factory=lambda: Data(files=3, shuffle=True))
    optimizer: Adam | Sgd = field(default_factory=lambda: Adam(lr=3e-4, beta=0.5))
    scaled: Scaled = field(default_factory=lambda: Scaled(batch=8))
"""


def test_05_what_a_table_leaves_out_is_as_in_the_default_of_its_field(place: Workplace) -> None:
    (place.folder / "instances.py").write_text(INSTANCES)
    (place.folder / "train.py").write_text(
        "from instances import Config\ndef run(config: Config, run): print(config.model)\n"
    )
    tables = [
        "model = { width = 256 }, data = { files = 7 }, scaled = { lr = 0.5 }",
        "model = { attention = { heads = 4 } }, usual = { attention = { dropout = 0.1 } }, optimizer = { beta = 0.1 }",
        "optimizer = { momentum = 0.1 }, model = {}, usual = { width = 1 }",
    ]
    job = "[experiments]\n" + "".join(f"e{place} = {{ {table} }}\n" for place, table in enumerate(tables))
    path = place.job(f'[sweep]\ntarget = "train:run"\npreload = []\nmetrics = []\n{job}')
    found = {one.name: one.config for one in resolve(load(path))}
    narrow = {"heads": 2, "dropout": 0.3}
    wide = {"width": 64, "depth": 8, "hidden": 256, "data": "b", "attention": {"heads": 8, "dropout": 0.0}}
    assert found["e0"]["model"] == wide | {"width": 256, "hidden": 1024}
    assert found["e0"]["data"] == {"files": 7, "shuffle": True}
    assert found["e0"]["scaled"] == {"lr": 4.0, "batch": 8}
    assert found["e1"]["model"] == wide | {"attention": {"heads": 4, "dropout": 0.0}}
    assert found["e1"]["usual"]["attention"] == narrow | {"dropout": 0.1}
    assert found["e1"]["optimizer"] == {"lr": 3e-4, "beta": 0.1}
    assert found["e2"]["optimizer"] == {"lr": 0.1, "momentum": 0.1}
    assert found["e2"]["model"] == wide
    assert found["e2"]["usual"] == {"width": 1, "depth": 2, "hidden": 4, "data": "a", "attention": narrow}
    result = place.launch(str(path), "--devices", "cpu")
    assert result.code == 0, result.err
    made = "Model(width=256, depth=8, hidden=1024, data=PosixPath('b'), attention=Attention(heads=8, dropout=0.0))"
    assert made in place.log("e0")


OTHERS = """
import math, uuid
from dataclasses import dataclass, field
from typing import Any, Callable
from pydantic import SecretStr
class Act:
    def __repr__(self): return "Act()"
def relu(x): return x
@dataclass
class Part:
    lr: float = 0.1
    other: Any = 1
@dataclass
class More(Part):
    lr: float = 0.2
@dataclass
class Hub:
    lr: float = 0.1
    other: SecretStr = SecretStr("usual")
@dataclass
class Called:
    lr: float = 0.1
    other: Callable = relu
@dataclass
class Scaled:
    lr: float = 0.1
    other: int = 1
    def __post_init__(self): self.lr *= self.other
@dataclass
class Config:
    secret: Hub = field(default_factory=lambda: Hub(other=SecretStr("own")))
    pair: Part = field(default_factory=lambda: Part(other=(1, 2)))
    thing: Part = field(default_factory=lambda: Part(other=Act()))
    nan: Part = field(default_factory=lambda: Part(other=math.nan))
    random: Part = field(default_factory=lambda: Part(other=uuid.uuid4().hex))
    sub: Part = field(default_factory=lambda: More(other=2))
    function: Called = field(default_factory=lambda: Called(other=Act))
    lost: Scaled = field(default_factory=lambda: Scaled(lr=0.3, other=8))
    kept: Called = field(default_factory=lambda: Called(lr=0.7))
    raising: Part = field(default_factory=lambda: 1 / 0)
def run(config: Config, run): print(config, config.secret.other.get_secret_value())
"""


def test_05_of_a_default_that_its_values_do_not_make_again_nothing_is_taken(place: Workplace) -> None:
    (place.folder / "train.py").write_text(OTHERS)
    names = ("secret", "pair", "thing", "nan", "random", "sub", "function", "lost", "raising")
    tables = "".join(f"{name} = {{ lr = 4.0 }}\n" for name in names)
    job = f"[config]\n{tables}kept = {{}}\n[experiments]\na = {{}}\n"
    path = place.job(f'[sweep]\ntarget = "train:run"\npreload = []\nmetrics = []\n{job}')
    result = place.launch(str(path), "--devices", "cpu")
    assert result.code == 0, result.err
    log = place.log("a")
    for name in ("pair", "thing", "nan", "random", "sub", "raising"):
        assert f"{name}=Part(lr=4.0, other=1)" in log
    assert "secret=Hub(lr=4.0, other=SecretStr(" in log
    assert ") usual" in log
    assert "lost=Scaled(lr=4.0, other=1)" in log
    assert "function=Called(lr=4.0, other=<function relu" in log
    assert "kept=Called(lr=0.7, other=<function relu" in log


def test_05_an_unknown_key_of_a_nested_table_is_told(place: Workplace, nested: str) -> None:
    job = "[config.model]\nwidht = 3\n[experiments]\na = {}\nb = { model = { depht = 1, width = 'x' } }\n"
    told = refused(place, job, nested)
    assert 'job.toml:6: config.model.widht is not a field of model.Model. Did you mean "width"?' in told
    assert 'job.toml:9: experiments.b.model.depht is not a field of model.Model. Did you mean "depth"?' in told
    assert "experiments.b.model.width input should be a valid integer, not 'x'" in told
    told = refused(place, TABLES, nested, overrides=parse(["model.widht=3"]))
    assert '-S model.widht: it is not a field of model.Model. Did you mean "width"?' in told


def test_05_keys_of_two_classes_of_a_union_are_told(place: Workplace) -> None:
    (place.folder / "instances.py").write_text(INSTANCES)
    (place.folder / "train.py").write_text("from instances import Config\ndef run(config: Config, run): pass\n")
    job = "[config.optimizer]\nbeta = 0.5\n[experiments]\na = {}\nb = { optimizer = { momentum = 0.1 } }\n"
    told = refused(place, job, "train:run")
    assert "experiments.b.optimizer.momentum is a field of instances.Sgd alone, and no class has all keys" in told
    assert "config.optimizer.beta is a field of instances.Adam alone" in told
    assert "Did you mean" not in told


def test_05_a_key_of_what_is_no_table_is_told(place: Workplace, nested: str) -> None:
    assert "-S lr: it input should be a valid number, not {'x': 1}" in refused(
        place, TABLES, nested, overrides=parse(["lr.x=1"])
    )
    given(place, "[experiments]\na = {}\n")
    assert "-S lr.x: lr is 0.1 in [config], not a table." in refused(
        place, "[config]\nlr = 0.1\n[experiments]\na = {}\n", "any_keys:run", overrides=parse(["lr.x=1"])
    )


OPTIONAL = """
from dataclasses import dataclass, field
from typing import Literal
@dataclass
class Inner:
    dropout: float | None = 0.5
@dataclass
class Config:
    dropout: float | None = 0.1
    scheduler: str | None = "cosine"
    padding: str = "same"
    norm: Literal["none", "layer"] | None = "layer"
    inner: Inner = field(default_factory=Inner)
"""


@pytest.fixture
def optional(place: Workplace) -> str:
    (place.folder / "optional.py").write_text(OPTIONAL)
    (place.folder / "opts.py").write_text("from optional import Config\ndef run(config: Config, run): pass\n")
    return "opts:run"


def test_32_none_can_be_said(place: Workplace, optional: str) -> None:
    values = 'dropout = "@none"\nscheduler = "@none"\ninner.dropout = "@none"\n'
    text = 'padding = "none"\nnorm = "none"\nscheduler = "@text:none"\n'
    job = f"[experiments.a]\n{values}[experiments.b]\n{text}"
    for target in (optional, "dict"):
        found = given(place, job, target)
        assert found["a"] == {"dropout": None, "scheduler": None, "inner": {"dropout": None}}
        assert found["b"] == {"padding": "none", "norm": "none", "scheduler": "none"}
        assert type(found["b"]["scheduler"]) is str
    for overrides in (parse(["scheduler=@none", "inner.dropout=@none"]), {"scheduler": None, "inner.dropout": None}):
        found = given(place, "[experiments]\na = {}\n", optional, overrides=overrides)
        assert found["a"] == {"scheduler": None, "inner": {"dropout": None}}


@pytest.mark.parametrize("word", ["none", "None", "null", "nil"])
def test_32_a_word_that_is_no_none_is_refused_with_a_hint(place: Workplace, optional: str, word: str) -> None:
    job = f'[experiments]\na = {{ dropout = "{word}" }}\nb = {{ scheduler = "{word}" }}\nc = {{ padding = "{word}" }}\n'
    told = refused(place, job, optional)
    assert f"experiments.a.dropout input should be a valid number, not '{word}'.\n  For None write \"@none\"" in told
    assert f'experiments.b.scheduler may be None, and "{word}" would be text.' in told
    assert f'for the text, "@text:{word}"' in told
    assert "experiments.c" not in told
    told = refused(place, f"[experiments]\na = {{ dropout = {word} }}\n", optional)
    assert f'TOML has no {word}. For no value write "@none", with the quotes.' in told
    told = refused(place, f'[experiments]\na = {{ scheduler = "@{word.upper()}" }}\n', optional)
    assert f'experiments.a.scheduler is "@{word.upper()}": None is written "@none".' in told
    with pytest.raises(InputError, match="@none"):
        given(place, "[experiments]\na = {}\n", optional, overrides=parse([f"scheduler={word}"]))


def test_32_what_is_written_is_read_back() -> None:
    values = {"a": None, "b": ["none", None, 1.5, float("inf"), True], "c": {"d e": "@x", 'q"': "None"}, "f": "plain"}
    assert (
        notation.bare(notation.read(parse([f"{key}={notation.write(one)}" for key, one in values.items()]))) == values
    )
    assert notation.read(json.loads(json.dumps(notation.marked(notation.read({"a": "@text:none"}))))) == {"a": "none"}


def test_30_a_byte_order_mark_is_no_part_of_a_job(place: Workplace) -> None:
    (place.folder / "any_keys.py").write_text("def run(config: dict, run): run.log(1, loss=config['lr'])\n")
    job = place.folder / "job.toml"
    text = '[sweep]\ntarget = "any_keys:run"\npreload = []\nmetrics = []\n[config]\nlr = 1.5\n[experiments]\na = {}\n'
    job.write_bytes(b"\xef\xbb\xbf" + text.encode())
    result = place.launch(str(job), "--devices", "cpu", "--threads", "1")
    assert result.code == 0, result.err
    assert place.history("a").steps[1] == {"loss": 1.5}
    job.write_bytes(text.encode("utf-16"))
    with pytest.raises(InputError, match="it looks like UTF-16"):
        load(job)
    job.write_bytes(text.replace("a = {}", 'a = { tag = "é" }').encode("latin-1"))
    with pytest.raises(InputError, match="line 8 has the byte 0xe9, which is no UTF-8"):
        load(job)


def test_38_experiments_with_the_same_configuration_are_named(place: Workplace) -> None:
    job = place.toy({"a": {}, "b": {"lr": 0.5}, "c": {"lr": 0.50}, "d": {"lr": 0.6}})
    for command in ("plan", "run"):
        result = place.launch(command, str(job), "--devices", "cpu", "--threads", "1")
        assert result.code == 0, result.err
        assert (result.out + result.err).count("b, c have the same configuration: the same numbers 2 times.") == 1


def test_values_that_are_no_json_reach_the_target_as_they_were_given(place: Workplace) -> None:
    (place.folder / "dates.py").write_text(
        "from typing import Dict\n"
        "def run(config: Dict, run):\n"
        "    kinds = [type(config[key]).__name__ for key in ('day', 'at', 'clock', 'nan')]\n"
        "    run.log(1, kinds=' '.join(kinds), nan=config['nan'])\n"
    )
    values = "day = 2024-02-03\nat = 2024-02-03 04:05:06\nclock = 04:05:06\nnan = nan\n"
    job = place.job(
        f'[sweep]\ntarget = "dates:run"\npreload = []\nmetrics = []\n[config]\n{values}[experiments]\na = {{}}\n'
    )
    result = place.launch(str(job), "--devices", "cpu", "--threads", "1")
    assert result.code == 0, result.err
    assert place.history("a").steps[1]["kinds"] == "date datetime time float"
    again = place.launch("plan", str(job), "--devices", "cpu", "--json")
    assert json.loads(again.out)["experiments"][0]["action"] == "keep"
