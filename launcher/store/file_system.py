"""Whether other machines can see a folder, as far as this machine can tell."""

from __future__ import annotations

from pathlib import Path

from launcher.errors import InputError

# File systems that live in the memory of one machine.
_OWN = frozenset({"tmpfs", "ramfs", "devtmpfs"})


def check_shared(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Check that a folder does not lie in the memory of this machine.

    Raises:
        InputError: it does, so that no other machine can see it.
    """
    kind, point = kind_of(folder, mounts)
    if kind in _OWN:
        raise InputError(
            f"outcome {folder} is on {kind} of this machine ({point}): jobs elsewhere cannot see it. Give a folder "
            "that all machines share: --outcome DIR"
        )


def kind_of(folder: Path, mounts: Path) -> tuple[str, str]:
    """Return the kind of file system a folder lies on, and where that is mounted; two empty texts if unknown."""
    found = ("", "")
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return found
    path = folder.resolve()
    for line in lines:
        words = line.split()
        if len(words) < 3:
            continue
        point = words[1].encode().decode("unicode_escape") if "\\" in words[1] else words[1]
        if path.is_relative_to(point) and len(point) >= len(found[1]):
            found = (words[2], point)
    return found
