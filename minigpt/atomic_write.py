"""Writes a file so that a reader sees the whole of it or nothing: the only way this package puts a file on disk."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`, which replaces `path` when the block ends without an error.

    Its content is on the disk before it replaces `path`. After an error the temporary file is removed, and `path` is as
    it was. The folder is made if it is missing. The file is not made with `tempfile`: only their owner may read such
    files, but several users may share the data.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
