"""The checkpoints of an unfinished experiment: two are kept, each checksummed, written so that none is ever half.

A file is one line of JSON (experiment, configuration digest, step, sha256 and size of what follows), then what
`torch.save` wrote. It is read back with `weights_only=True`, so no checkpoint can run code. One that is torn, altered,
or another configuration's is passed over for the one before it, and the log says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher import values
from launcher.files import MODE, open_to_read

KEPT = 2
_HEADER_BYTES = 1 << 16


class BadCheckpoint(Exception):
    """A checkpoint file cannot be used; the message says why."""


class Checkpoints:
    """The checkpoint files of one experiment in one configuration."""

    def __init__(self, folder: Path, experiment: str, digest: str) -> None:
        self._folder = folder
        self._identity = {"experiment": experiment, "digest": digest}

    def files(self) -> list[Path]:
        """Return the checkpoint files, newest first."""
        return sorted(self._folder.glob("step-*.ckpt"), reverse=True)

    def has_any(self) -> bool:
        """Say whether there is a checkpoint of this experiment and configuration; whether it is sound, load tells."""
        for path in self.files():
            with contextlib.suppress(OSError), os.fdopen(open_to_read(path), "rb") as file:
                header = values.load_object(file.readline(_HEADER_BYTES))
                if header is not None and {key: header.get(key) for key in self._identity} == self._identity:
                    return True
        return False

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write the checkpoint of a step and drop all but the newest two.

        Raises:
            OSError: it could not be written; the earlier ones are intact and nothing is left beside them.
        """
        import torch  # here, because the launcher imports this module too and must stay free of torch

        body = io.BytesIO()
        torch.save(dict(state), body)
        payload = body.getbuffer()
        header = self._identity | {
            "step": step,
            "bytes": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"step-{step:012d}.ckpt"
        beside = path.with_suffix(".tmp")
        try:
            beside.unlink(missing_ok=True)  # of a save that was killed; never written through, should it be a link
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE), "wb") as file:
                file.write(json.dumps(header).encode() + b"\n")
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        _sync_folder(self._folder)
        for old in self.files()[KEPT:]:
            with contextlib.suppress(OSError):  # a folder of that name, say: no reason to stop training
                old.unlink()

    def load(self) -> tuple[dict[str, Any], int] | None:
        """Return the state and step of the newest sound checkpoint, or None; say which ones were passed over."""
        for path in self.files():
            try:
                return self._read(path)
            except BadCheckpoint as error:
                print(f"checkpoint {path.name} passed over: {error}", flush=True)
        return None

    def _read(self, path: Path) -> tuple[dict[str, Any], int]:
        import pickle

        import torch

        try:
            with os.fdopen(open_to_read(path), "rb") as file:
                header = values.load_object(file.readline(_HEADER_BYTES)) or {}
                payload = file.read()
        except OSError as error:
            raise BadCheckpoint(f"it cannot be read ({error.strerror})") from error
        if values.whole(header.get("step")) is None:
            raise BadCheckpoint("it is not a checkpoint")
        if {key: header.get(key) for key in self._identity} != self._identity:
            raise BadCheckpoint("it belongs to another experiment or configuration")
        if header.get("sha256") != hashlib.sha256(payload).hexdigest():
            raise BadCheckpoint("it is torn or altered (its checksum differs)")
        try:
            state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError) as error:
            raise BadCheckpoint(f"it cannot be loaded ({str(error).splitlines()[0]})") from error
        if not isinstance(state, dict):
            raise BadCheckpoint("it holds no state")
        return state, header["step"]

    def clear(self) -> None:
        """Remove all checkpoints: the experiment is done, or starts anew."""
        for path in [*self.files(), *self._folder.glob("step-*.tmp")]:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # absent, or other files are in it
            self._folder.rmdir()
            self._folder.parent.rmdir()


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
