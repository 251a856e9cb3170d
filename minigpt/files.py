"""Writing a file so that nobody ever sees half of it.

Lives here: the one way this package puts a file on disk. Called by whatever writes data, packed copies and
checkpoints. What is in the file is the caller's affair.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_beside(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place, whole and synced, when the block ends without an error.

    After an error the neighbour is removed and `path` is as it was. The folder is made if missing. Not
    `tempfile`: its files are readable by their owner only, and data are shared.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
