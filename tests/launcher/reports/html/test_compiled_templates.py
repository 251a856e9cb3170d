"""Compiled templates are kept as Python keeps modules, and are never used where anything they depend on has changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jinja2
import pytest

from launcher.reports.html.compiled_templates import CompiledTemplates

SETTINGS = {"autoescape": True, "trim_blocks": True}


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template in a folder of its own, on a Python that keeps what it compiles."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    path = tmp_path / "page.html"
    path.write_text("<p>{{ word }}</p>")
    return path


def render(template: Path, settings: dict[str, bool] = SETTINGS) -> str:
    loader, cache = jinja2.FileSystemLoader(template.parent), CompiledTemplates(settings)
    environment = jinja2.Environment(loader=loader, bytecode_cache=cache, **settings)  # type: ignore[arg-type]
    return environment.get_template(template.name).render(word="a & b")


def kept(template: Path) -> Path:
    (found,) = template.parent.glob("__pycache__/*")
    return found


def test_a_kept_template_is_used_and_not_compiled_again(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = render(template)
    assert first == "<p>a &amp; b</p>"
    assert kept(template).name == f"page.html.{sys.implementation.cache_tag}.pyc"
    monkeypatch.delattr(jinja2.Environment, "_generate")
    assert render(template) == first


def test_a_changed_source_and_other_settings_are_compiled_again(template: Path) -> None:
    render(template)
    assert render(template, SETTINGS | {"autoescape": False}) == "<p>a & b</p>"
    assert render(template) == "<p>a &amp; b</p>"
    template.write_text("<b>{{ word }}</b>")
    assert render(template) == "<b>a &amp; b</b>"


def test_another_jinja2_compiles_again(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render(template)
    before = kept(template).read_bytes()
    monkeypatch.setattr(jinja2, "__version__", "0.0")
    assert render(template) == "<p>a &amp; b</p>"
    assert kept(template).read_bytes() != before


@pytest.mark.parametrize("size", [0, 10, 64, 80])
def test_a_damaged_file_is_compiled_again(template: Path, size: int) -> None:
    render(template)
    whole = kept(template).read_bytes()
    kept(template).write_bytes(whole[:size])
    assert render(template) == "<p>a &amp; b</p>"
    assert kept(template).read_bytes() == whole


def test_nothing_is_kept_where_python_keeps_nothing(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert render(template) == "<p>a &amp; b</p>"
    assert os.listdir(template.parent) == ["page.html"]


def test_a_folder_that_cannot_be_written_does_no_harm(template: Path) -> None:
    (template.parent / "__pycache__").write_text("not a folder")
    assert render(template) == "<p>a &amp; b</p>"


def test_the_prefix_of_compiled_files_is_respected(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = template.parent / "elsewhere"
    monkeypatch.setattr(sys, "pycache_prefix", str(prefix))
    render(template)
    assert not list(template.parent.glob("__pycache__"))
    assert [path.name for path in prefix.rglob("*.pyc")] == [f"page.html.{sys.implementation.cache_tag}.pyc"]
