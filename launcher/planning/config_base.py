"""The file over which the configuration of an experiment is laid, with `args = "file"`: JSON, TOML or YAML."""

from __future__ import annotations

import importlib
import json
import tomllib
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.store import files
from launcher.text import inline


def read_base(path: str) -> dict[str, Any]:
    """Return the table in a file, by the ending of its name; an empty table if the path is empty.

    Raises:
        InputError: the file cannot be read, or holds no table.
    """
    if not path:
        return {}
    shown = inline(path, 200)
    try:
        content = _parse(Path(path).suffix.lower(), files.read(Path(path)).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"sweep.config_base: {shown} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"sweep.config_base: {shown} holds no table of keys and values.")
    return content


def _parse(suffix: str, text: str) -> Any:
    if suffix == ".json":
        return json.loads(text)
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix not in (".yaml", ".yml"):
        raise ValueError("its name ends in none of .json, .toml, .yaml, .yml")
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError as error:
        raise ValueError("YAML needs the package PyYAML here: pip install pyyaml") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {error}") from error
