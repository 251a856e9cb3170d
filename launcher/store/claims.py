"""Claims: which process runs an attempt on a cluster. That of attempt 2 is the file `attempts/<experiment>/2.claim`.

A claim is made by link(), which succeeds for a single process, on network folders too; locks do not hold there between
machines, and clocks differ. A network client may also repeat a call whose answer was lost, and then says that the file
exists though this process has made it. So the file is read back: it holds a number that only its maker knows.
Where an attempt has ended its claim may be gone, and `claim` looks for the end. `AttemptFiles` lists both.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from launcher.store import values
from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.files import MODE, read
from launcher.text import timestamp

_MOST_BYTES = 1 << 16
_AGAIN_S = (0.1, 0.5)  # after a listing that failed


@dataclass(frozen=True)
class Claim:
    """Who runs an attempt.

    nonce: a random number of the process, as text.
    ticket: the cluster's name of the job, where it has told the process its name.
    at: when the claim was made, by the clock of its machine: for people only.
    """

    nonce: str
    host: str = ""
    pid: int = 0
    ticket: str = ""
    at: str = ""

    @classmethod
    def of_this_process(cls, ticket: str = "") -> Claim:
        """Return a claim that this process may make."""
        return cls(os.urandom(16).hex(), socket.gethostname(), os.getpid(), ticket, timestamp())

    @classmethod
    def read(cls, path: Path) -> Claim | None:
        """Return the claim in a file; None if the file is missing or holds no claim."""
        try:
            content = values.load(read(path, _MOST_BYTES))
        except (OSError, ValueError):
            return None
        if not isinstance(content, dict) or not values.text(content.get("nonce")):
            return None
        texts = {name: values.text(content.get(name)) for name in ("nonce", "host", "ticket", "at")}
        return cls(**texts, pid=values.whole(content.get("pid")) or 0)


def claim(folder: Path, attempt: int, mine: Claim) -> AttemptFiles | None:
    """Claim an attempt for this process. Return what lies in the folder then; None if another process has claimed it.

    `folder`: of the experiment's attempts.

    Raises:
        OSError: the claim cannot be written, the file system has no hard links, or the folder cannot be listed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = AttemptFiles(folder).path(attempt, "claim")
    beside = folder / f".{mine.nonce}.tmp"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(json.dumps(mine.__dict__).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # perhaps made by this process, whose call was repeated
            os.link(beside, path)
        num_names = os.stat(beside).st_nlink
    finally:
        with contextlib.suppress(OSError):  # it is passed over by its name
            os.unlink(beside)
    found = Claim.read(path)
    # This machine may remember that the file did not exist, and then cannot read it: its second name tells.
    is_mine = found.nonce == mine.nonce if found is not None else num_names == 2
    return _unless_ended(path, attempt) if is_mine else None


def _unless_ended(path: Path, attempt: int) -> AttemptFiles | None:
    """Return what lies beside a claim that was made just now; None if its attempt has ended before.

    The claim of an attempt that has ended is removed. A process that came late, or was stopped before it made its own,
    finds the end: it is written before the claim goes, and a client that has just made a file there lists it anew.
    """
    files = None
    try:
        files = AttemptFiles.among(path.parent, _listed(path.parent))
        return files if attempt not in files.ends else None
    finally:
        if files is None or attempt in files.ends:
            with contextlib.suppress(OSError):  # the attempt has ended all the same
                path.unlink()


def _listed(folder: Path) -> list[str]:
    """Return the names in a folder. A file server may refuse a listing now and then."""
    for pause_s in _AGAIN_S:
        with contextlib.suppress(OSError):
            return os.listdir(folder)
        time.sleep(pause_s)
    return os.listdir(folder)


def is_newest(folder: Path, attempt: int) -> bool | None:
    """Return whether the claim of an attempt is still the newest of its experiment; None if it is gone.

    Raises:
        OSError: the folder cannot be listed now, which says nothing. A folder that is gone has no claims.
    """
    found = listed_files(folder)
    return attempt == found.newest_claim if attempt in found.claims else None


def listed_files(folder: Path) -> AttemptFiles:
    """Return what lies in the folder of an experiment's attempts; nothing if the folder is gone.

    Raises:
        OSError: the folder cannot be listed now, which says nothing.
    """
    try:
        return AttemptFiles.among(folder, os.listdir(folder))
    except FileNotFoundError:
        return AttemptFiles(folder)


def take_out(files: AttemptFiles) -> bool:
    """Make sure that an attempt that has not begun never does. Return False if it has begun, or is over.

    Whoever has the claim decides: a supervisor that comes late finds it taken.
    """
    attempt = files.open_attempt
    if not attempt or attempt in files.claims or not claim(files.folder, attempt, Claim.of_this_process()):
        return False
    AttemptEnding(asked="stop").write(files.path(attempt, "end"))
    return True


def ask_to_stop(files: AttemptFiles) -> None:
    """Ask the supervisor of the open attempt to let its worker save and end. It sees that at its next beat.

    That is for an attempt that shares its job with others: a signal would end them all.
    """
    os.close(os.open(files.path(files.highest, "stop"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE))


def supersede(files: AttemptFiles) -> bool:
    """Close an open attempt that the cluster was told to kill, or does not have any more: it writes no end itself.

    Only its supervisor may write its end. So the attempt after it is claimed and ended, and a supervisor that lives on
    after all finds a newer claim than its own. Return False if the attempt has ended by itself meanwhile.
    """
    attempt = files.highest + 1
    claimed = claim(files.folder, attempt, Claim.of_this_process())
    if claimed is None:
        return True
    if files.highest in claimed.ends:
        claimed.path(attempt, "claim").unlink(missing_ok=True)
        return False
    AttemptEnding(asked="stop", was_forced=True).write(files.path(attempt, "end"))
    return True
