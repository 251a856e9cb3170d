"""Keeps the page's templates as compiled code beside their sources, as Python does with its modules.

Compiling takes as long as making the rest of a small page, and each launch would wait for it at its end. The rules are
those of modules: with `sys.dont_write_bytecode` and in a folder that cannot be written, nothing is kept, and
`PYTHONPYCACHEPREFIX` names another folder. Code of another source, Python, jinja2 or other settings is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import sys
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from launcher.store.paths import write_atomic


class CompiledTemplates(jinja2.BytecodeCache):
    """Reads and writes files such as `templates/__pycache__/page.html.cpython-311.pyc`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """`settings`: how jinja2 is asked to compile."""
        self._versions = repr((MAGIC_NUMBER, jinja2.__version__, sorted(settings.items())))

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return the path of the compiled template."""
        return cache_from_source(f"{filename}.py")

    def get_source_checksum(self, source: str) -> str:
        """Return a digest of all that the compiled template depends on."""
        return hashlib.sha256(f"{self._versions}\n{source}".encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read a compiled template, if there is a file of it that is up to date."""
        digest = bucket.checksum.encode()
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):  # it is missing, or damaged
            content = Path(bucket.key).read_bytes()
            if content.startswith(digest):
                bucket.code = marshal.loads(content[len(digest) :])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write a compiled template, where Python would write a compiled module."""
        if sys.dont_write_bytecode:
            return
        path = Path(bucket.key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, bucket.checksum.encode() + marshal.dumps(bucket.code))
