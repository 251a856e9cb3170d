"""A file of JSON objects, one a line, that one process appends to: `events.jsonl` and the telemetry files."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from launcher.store.files import open_to_append, truncate_torn_line


class LineLog:
    """The writing end of a file of JSON objects, held by the only launcher that has the folder's lock."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            OSError: it cannot be opened for writing.
        """
        self._fd = open_to_append(path)
        truncate_torn_line(self._fd)

    def write(self, content: dict[str, Any]) -> None:
        """Append a line, in one write.

        Raises:
            OSError: the line could not be written; the file is as it was before.
        """
        line = json.dumps(content).encode() + b"\n"
        written = os.write(self._fd, line)
        if written != len(line):
            truncate_torn_line(self._fd)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)
