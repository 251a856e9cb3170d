"""Values read without pydantic: where they are read, they are what pydantic makes of them; else pydantic decides."""

from __future__ import annotations

import datetime
import math
import typing
from dataclasses import InitVar, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.clusters.settings import ClusterSettings
from launcher.config import notation, plain_class, validation
from launcher.config.strict_class import StrictClass
from launcher.planning.job import SweepSettings
from minigpt.config import TrainConfig

T = TypeVar("T")


@dataclass
class Inner:
    width: int = 1


@dataclass
class Plain:
    whole: int = 1
    number: float = 1
    text: str = "a"
    flag: bool = False
    nothing: None = None
    maybe: float | None = None
    either: int | str | None = None
    mixed: bool | float = False
    deep: int | tuple[int, ...] | None = None
    choice: Literal["a", "b"] = "a"
    level: Literal[1, 2] = 1
    choices: tuple[Literal["a", "b"], ...] = ()
    entries: list[float] = field(default_factory=list)
    pair: tuple[int, float] = (1, 1.0)
    table: dict[str, float | None] = field(default_factory=dict)
    tables: tuple[dict[str, Any], ...] = ()
    anything: Any = None
    inner: Inner = field(default_factory=Inner)


STRICT = StrictClass(Plain)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from(["a", "b", "none", "1", "\ud800", notation.Text("a"), 2**53, 2**53 + 1, -(2**63), 2**63, -0.0]),
    st.dates(),
)
LISTS = st.lists(SCALARS, max_size=2)
TABLES = st.dictionaries(st.text(max_size=2), SCALARS, max_size=2)
VALUES = st.one_of(SCALARS, LISTS, LISTS.map(tuple), TABLES, st.lists(TABLES, max_size=2).map(tuple))
NAMES = sorted(Plain.__dataclass_fields__)


@given(st.dictionaries(st.sampled_from([*NAMES, "other"]), VALUES, max_size=3))
def test_what_is_read_is_what_pydantic_reads(values: dict[str, Any]) -> None:
    found = plain_class.read(Plain, values)
    if found is not None:
        assert repr(found) == repr(STRICT.read(values))


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3))
def test_what_is_written_is_what_pydantic_writes(values: dict[str, Any]) -> None:
    written = plain_class.write(Plain(**{"inner": 1, "pair": None, **values}))
    assert written is None  # the inner class is pydantic's to write
    known = Written(**{name: value for name, value in values.items() if name not in ("inner", "pair")})
    written = plain_class.write(known)
    if written is not None:
        assert repr(written) == repr(WRITTEN.plain(known))


@dataclass
class Written:
    whole: int = 1
    number: float = 1
    text: str = "a"
    flag: bool = False
    nothing: None = None
    maybe: float | None = None
    either: int | str | None = None
    mixed: bool | float = False
    deep: int | tuple[int, ...] | None = None
    choice: Literal["a", "b"] = "a"
    level: Literal[1, 2] | str = "1"
    choices: tuple[Literal["a", "b"], ...] = ()
    entries: list[float] = field(default_factory=list)
    table: dict[str, float | None] = field(default_factory=dict)
    tables: tuple[dict[str, Any], ...] = ()
    anything: Any = None


WRITTEN = StrictClass(Written)


def test_usual_values_need_no_pydantic() -> None:
    values = {"whole": 3, "number": 2, "text": "é", "flag": True, "maybe": None, "entries": [1, 2.5], "table": {"a": 1}}
    found = plain_class.read(Plain, values)
    assert found == values
    assert found is not None
    assert [type(found["number"]), *map(type, found["entries"])] == [float, float, float]
    assert plain_class.read(Plain, {"choices": ["a", "b"], "either": "x", "mixed": 0.5, "anything": 1}) == {
        "choices": ("a", "b"),
        "either": "x",
        "mixed": 0.5,
        "anything": 1,
    }
    assert plain_class.write(Written(number=2, entries=[1], choices=("b",))) is not None


def test_the_classes_of_most_plans_need_no_pydantic() -> None:
    assert plain_class.read(TrainConfig, {"lr": 1e-3, "loss": "plain", "max_steps": 3}) is not None
    assert plain_class.write(TrainConfig()) is not None
    settings = {
        "target": "train:run",
        "metrics": ["loss", "acc"],
        "seeds": 5,
        "retries": 1,
        "plots": ["png"],
        "gpus": 2,
    }
    assert plain_class.read(SweepSettings, settings) is not None
    assert plain_class.read(ClusterSettings, {"on": "slurm", "gpus": 1, "setup": ["module load cuda"]}) is not None


@pytest.mark.parametrize(
    "values",
    [
        {"other": 1},
        {"whole": 1.0},
        {"whole": True},
        {"number": math.nan},
        {"number": math.inf},
        {"number": 2**60},
        {"number": "1"},
        {"text": 1},
        {"text": "\ud800"},
        {"text": notation.Text("none")},
        {"flag": 1},
        {"maybe": "none"},
        {"choice": "c"},
        {"entries": 1},
        {"entries": ["x"]},
        {"table": {"a": "x"}},
        {"anything": datetime.date(2026, 1, 1)},
        {"inner": {"width": 1}},
    ],
)
def test_what_is_wrong_or_odd_is_for_pydantic(values: dict[str, Any]) -> None:
    assert plain_class.read(Plain, values) is None


class Colour(Enum):
    RED = "red"


@dataclass
class WithEnum:
    colour: Colour = Colour.RED


@dataclass
class WithPath:
    path: Path = Path()


@dataclass
class WithLimit:
    lr: Annotated[float, pydantic.Field(gt=0)] = 0.1


@dataclass
class WithField:
    lr: float = pydantic.Field(default=0.1, gt=0)


@dataclass
class WithMetadata:
    lr: float = field(default=0.1, metadata={"gt": 0})


@dataclass
class WithValidator:
    lr: float = 0.1

    @pydantic.field_validator("lr")
    @classmethod
    def _check(cls, value: float) -> float:
        return value * 2


@dataclass
class WithSettings:
    __pydantic_config__ = pydantic.ConfigDict(str_to_lower=True)
    name: str = ""


@dataclass
class WithInitVar:
    lr: float = 0.1
    scale: InitVar[float] = 1.0


@dataclass
class WithFixed:
    lr: float = 0.1
    fixed: int = field(default=7, init=False)


@dataclass
class OfAnyType(Generic[T]):
    value: T | None = None


@dataclass
class OfUnknown:
    value: NoSuchClass = None  # type: ignore[name-defined]  # noqa: F821  what is tested


@dataclass
class OfItself:
    inner: OfItself | None = None


@dataclass
class OfBareContainers:
    sizes: typing.List = field(default_factory=list)  # type: ignore[type-arg]  # noqa: UP006
    table: typing.Dict | None = None  # type: ignore[type-arg]  # noqa: UP006


class Undecorated(Plain):
    extra: int = 1


@pydantic.dataclasses.dataclass
class OfPydantic:
    lr: float = 0.1


ODD = (
    WithEnum, WithPath, WithLimit, WithField, WithMetadata, WithValidator, WithSettings, WithInitVar, WithFixed,
    OfAnyType, OfUnknown, OfItself, Undecorated, OfPydantic, pydantic.BaseModel,
)  # fmt: skip


@pytest.mark.parametrize("cls", ODD, ids=lambda cls: cls.__name__)
def test_a_class_with_anything_else_in_it_is_for_pydantic(cls: type) -> None:
    assert plain_class.read(cls, {}) is None
    if cls not in (pydantic.BaseModel, OfUnknown):
        assert plain_class.write(cls()) is None


def test_values_of_bare_containers_are_for_pydantic() -> None:
    assert plain_class.read(OfBareContainers, {}) == {}
    for values in ({"sizes": [1, "a"]}, {"table": {"a": 1}}):
        assert plain_class.read(OfBareContainers, values) is None
        instance, errors = validation.check(OfBareContainers, values)
        assert not errors
        assert instance == OfBareContainers(**values)  # type: ignore[arg-type]


@dataclass
class Needs:
    lr: float
    left_out: int = field(default=1, metadata={"identity": False})


def test_a_missing_value_is_for_pydantic() -> None:
    assert plain_class.read(Needs, {"left_out": 2}) is None
    assert plain_class.read(Needs, {"lr": 1, "left_out": 2}) == {"lr": 1.0, "left_out": 2}
