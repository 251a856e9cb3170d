"""What the source of a script says of its options and variables, and whether libraries may read others."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence

from launcher.planning.script_source import ScriptSource

# Packages that read no arguments by themselves.
_READ_NONE = frozenset(
    [
        "torch",
        "torchvision",
        "torchaudio",
        "torchmetrics",
        "numpy",
        "scipy",
        "pandas",
        "polars",
        "pyarrow",
        "sklearn",
        "matplotlib",
        "seaborn",
        "tqdm",
        "PIL",
        "cv2",
        "einops",
        "yaml",
        "h5py",
        "safetensors",
        "tensorboard",
        "wandb",
        "jax",
        "flax",
        "optax",
        "tensorflow",
        "keras",
        "transformers",
        "datasets",
        "tokenizers",
        "timm",
        "peft",
        "accelerate",
        "xgboost",
        "lightgbm",
        "psutil",
        "rich",
        "dotenv",
        "launcher",
    ]
)
_SETTINGS = ("pydantic_settings", "environs", "decouple", "dynaconf")  # read variables by names that they make
_ONE_BY_ONE = ("get", "setdefault", "pop")


def imports_unknown(sources: Sequence[ScriptSource]) -> bool:
    """Return whether a package is imported of which nobody knows whether it reads the arguments."""
    local = {name for source in sources for name in (source.path.stem, *source.path.parts[:-1])}
    return any(
        name not in sys.stdlib_module_names and name not in _READ_NONE and name not in local
        for source in sources
        for name in source.packages
    )


def is_read_whole(sources: Sequence[ScriptSource]) -> bool:
    """Return whether variables are read that no source names: all of them, by a prefix, or by a library."""
    return any(
        not source.imported.isdisjoint(_SETTINGS) or (source.has("environ") and _uses_all(source.tree))
        for source in sources
    )


def on_by_default(sources: Sequence[ScriptSource]) -> frozenset[str]:
    """Return the options that get `default=True` where they are made: `--amp`, `--use-amp/--no-amp` as `use_amp`."""
    return frozenset(
        word.partition("/")[0].lstrip("-").replace("-", "_")
        for source in sources
        if source.has("default", "True")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and any(_is_true_default(given) for given in node.keywords)
        for word in _texts(node)
    )


def _uses_all(tree: ast.Module) -> bool:
    """Return whether `environ` is used otherwise than for one variable by its name."""
    single: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) or (isinstance(node, ast.Attribute) and node.attr in _ONE_BY_ONE):
            single.add(id(node.value))
        elif isinstance(node, ast.Compare):
            single.update(map(id, node.comparators))
    return any(
        (getattr(node, "attr", "") == "environ" or getattr(node, "id", "") == "environ") and id(node) not in single
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    )


def _is_true_default(given: ast.keyword) -> bool:
    return given.arg == "default" and isinstance(given.value, ast.Constant) and given.value.value is True


def _texts(call: ast.Call) -> list[str]:
    return [
        argument.value
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value.startswith("--")
    ]
