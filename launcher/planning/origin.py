"""Where a sweep comes from: its job file and the file of its target, so that two sweeps can be told apart."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.planning.job import Sweep, SweepSettings

if TYPE_CHECKING:
    from launcher.store.manifest import Manifest

_INSTALLED = ("site-packages", "dist-packages")  # the same package in another environment is not another sweep


@dataclass(frozen=True)
class Origin:
    """Where a sweep comes from, as absolute paths with all links resolved."""

    job: str  # the job file
    module: str  # the file of the target's module, or the script of the command; empty where it is not known
    target: str
    folder: str  # the folder that the sweep uses: its outcome folder or its logs folder

    @classmethod
    def of(cls, sweep: Sweep, folder: Path) -> Origin:
        """Return the origin of a sweep that uses `folder` now."""
        job, target = sweep.job_file, sweep.settings.target
        module = _module_file(target, sweep.target_folder) if target else _script_file(sweep.settings)
        return cls(str(job.resolve()), module, sweep.trains, str(folder.resolve()))

    @classmethod
    def from_manifest(cls, manifest: Manifest, outcome: Path) -> Origin | None:
        """Return the origin that a `sweep.json` records; None if it records none.

        A `sweep.json` of an older version records the working directory only. Its job file and its outcome folder
        are then taken relative to that directory.
        """
        launch = manifest.launch
        if launch.origin is not None:
            return cls.from_json(launch.origin)
        if not (cwd := launch.cwd):
            return None
        job, folder = Path(cwd, manifest.job_file), Path(cwd, outcome).resolve()
        module = _module_file(manifest.target, job.parent, Path(cwd))
        return cls(str(job.resolve()), module, manifest.target, str(folder))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Origin | None:
        """Return the origin in a JSON object; None if a field is missing or is not text."""
        found = {key: content.get(key) for key in ("job", "module", "target", "folder")}
        return cls(**found) if all(isinstance(value, str) for value in found.values()) else None  # type: ignore[arg-type]

    @property
    def job_from_folder(self) -> str:
        """The path of the job file relative to the folder. It stays the same when both are moved or copied together."""
        return os.path.relpath(self.job, self.folder)

    def conflict_with(self, now: Origin) -> tuple[str, str] | None:
        """Describe this sweep and the sweep `now` where they are two different sweeps; None where they are the same.

        They are the same sweep if the job file was moved or copied together with the folder, or if the old job file
        is gone. Otherwise another job file is another sweep, and so is a target that is found in another file.
        """
        is_same_job = is_same_file(self.job, now.job)
        if (
            not is_same_job
            and not is_same_file(self.folder, now.folder)
            and self.job_from_folder == now.job_from_folder
        ):
            return None
        if not is_same_job and os.path.exists(self.job):
            return f"the sweep of {path_to_type(self.job)}", path_to_type(now.job)
        is_known = self.module and now.module and self.target == now.target
        is_installed = any(part in Path(self.module).parts or part in Path(now.module).parts for part in _INSTALLED)
        is_other = os.path.exists(self.module) and not is_same_file(self.module, now.module)
        if is_known and not is_installed and is_other:
            trains = f"{path_to_type(now.job)}, which trains {path_to_type(now.module)}"
            return f"a sweep that trains {path_to_type(self.module)}", trains
        return None


def is_same_file(path: str, other: str) -> bool:
    """Return whether two paths lead to the same file or folder, also through links."""
    with contextlib.suppress(OSError):
        return os.path.realpath(path) == os.path.realpath(other) or os.path.samefile(path, other)
    return False


def path_to_type(path: str) -> str:
    """Return a path as a person would type it here: relative if it lies below the working directory."""
    near = os.path.relpath(path)
    return path if near.startswith(os.pardir) else near


def _script_file(settings: SweepSettings) -> str:
    """Return the file that a command names by a relative path or as a module below its working directory, or "".

    Which file that is depends on the working directory. An absolute path stands in the command itself. What comes
    behind the script are its arguments, which may be files too.
    """
    if "{" in settings.cwd:
        return ""
    folder = os.path.abspath(settings.cwd)
    for before, word in zip(["", *settings.command], settings.command, strict=False):
        if before and os.path.isabs(word) and os.path.isfile(word):
            return ""
        module = word.replace(".", os.sep)
        names = [f"{module}.py", os.path.join(module, "__main__.py")] if before == "-m" else [word]
        for path in [os.path.join(folder, name) for name in names if not os.path.isabs(name)]:
            if os.path.isfile(path):
                return os.path.realpath(path)
    return ""


def _module_file(target: str, *folders: Path) -> str:
    """Return the file of a target's module, searched for as an import does; empty if it is not found that way."""
    name = target.partition(":")[0].replace(".", os.sep)
    for folder in [*map(str, folders), *(entry or os.getcwd() for entry in sys.path)]:
        for end in (".py", f"{os.sep}__init__.py"):
            if os.path.isfile(os.path.join(folder, name + end)):
                return os.path.realpath(os.path.join(folder, name + end))
    return ""
