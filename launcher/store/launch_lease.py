"""A sign of life of the launcher that works in a folder, for launchers on other machines.

The kernel's lock on the folder tells launchers of one machine of each other. Between machines that share a folder over
a network, such a lock may be granted to both. So a launcher on a cluster also keeps a file in the folder of the beats,
`.launch@<nonce>@<number>`, to which it gives a new name at each look. Another launcher watches for two looks whether
the name changes. A launcher that was stopped meanwhile, as by Ctrl-Z, finds its file gone when it goes on, and leaves.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from launcher.errors import InUseError
from launcher.store.files import MODE

LOOK_S = 1.0  # a launcher gives its file a new name at least so often
WATCH_S = 2 * LOOK_S + 0.5
_NAME = re.compile(r"\.launch@([0-9a-f]{16})@(\d{1,18})")


class LaunchLease:
    """The sign of life of one launcher."""

    def __init__(self, folder: Path) -> None:
        """Begin without a file. `folder`: of the beats."""
        self._folder = folder
        self._nonce = os.urandom(8).hex()
        self._number = 0
        self._path: Path | None = None
        self.is_taken = False  # another launcher has removed the file, and works in the folder now

    def take(self, message: Callable[[str], None], watch_s: float = WATCH_S) -> None:
        """Make the file, once it is sure that no launcher on another machine works in the folder.

        Raises:
            InUseError: another launcher gives signs of life.
            OSError: the file cannot be made.
        """
        if before := self._others():
            message("an earlier launch has left its sign of life; whether it lives is known in a moment.")
            time.sleep(watch_s)
            after = self._others()
            if any(after.get(nonce, number) != number for nonce, number in before.items()) or after.keys() - before:
                raise InUseError(
                    f"the folder {self._folder.parent} is in use by a launcher on another machine, whose sign of life "
                    f"is in {self._folder}.\n  Follow the sweep there, or end that launcher: what runs goes on."
                )
            for nonce, number in after.items():
                (self._folder / f".launch@{nonce}@{number}").unlink(missing_ok=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path = self._folder / f".launch@{self._nonce}@0"
        os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE))

    def renew(self) -> None:
        """Give a sign of life. A folder that cannot be written to is no reason to end: the next call tries again."""
        if self._path is not None:
            path = self._folder / f".launch@{self._nonce}@{self._number + 1}"
            try:
                self._path.rename(path)
                self._path, self._number = path, self._number + 1
            except FileNotFoundError:
                self._look_for_own()
            except OSError:
                return

    def _look_for_own(self) -> None:
        """Find the file under the name that it has: a call whose answer was lost may have been repeated."""
        with contextlib.suppress(OSError):  # a folder that is gone is noticed elsewhere
            own = [name for name in os.listdir(self._folder) if name.startswith(f".launch@{self._nonce}@")]
            self.is_taken = not own
            if own:
                self._path, self._number = self._folder / own[0], self._number + 1

    def close(self) -> None:
        """Remove the file."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._path = None

    def _others(self) -> dict[str, int]:
        """Return the numbers of other launchers' files, by nonce."""
        found: dict[str, int] = {}
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                if (match := _NAME.fullmatch(name)) and match[1] != self._nonce:
                    found[match[1]] = max(int(match[2]), found.get(match[1], 0))
        return found
