"""pydantic's schema of a dataclass: a stricter one, and which keys it does not know."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from launcher.config.schema import Schema


@dataclass
class Layer:
    width: int = 1


@dataclass
class Model:
    layer: Layer = field(default_factory=Layer)
    layers: list[Layer] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)


def schema(cls: type) -> Schema:
    return Schema(TypeAdapter(cls).core_schema)


def test_keys_that_no_class_has_are_found_at_every_depth() -> None:
    values = {"layer": {"wide": 1}, "layers": [{"width": 2}, {"hight": 3}], "free": {"any": 1}, "laier": 1}
    assert sorted(schema(Model).unknown(values)) == [("laier",), ("layer", "wide"), ("layers", "1", "hight")]
    assert list(schema(Model).unknown({"layer": {"width": 1}})) == []


def test_the_classes_at_a_place_are_named_with_their_fields() -> None:
    assert schema(Model).classes_at(["layer"]) == [(f"{__name__}.Layer", ["width"])]
    assert schema(Model).classes_at(["free"]) == []
