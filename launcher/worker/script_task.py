"""What the worker of a script needs, made by whoever starts the worker.

It has texts, numbers and plain tables alone. To unpack a path, or to compute one, the fork server and each worker would
run code of the standard library. The first run of any code in a forked process takes ten times as long as the next,
because the process copies the memory that the code is in; the launcher has run it many times.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from launcher.command.script import PORT, Script
from launcher.sources.source import SourceSpec
from launcher.worker.spec import Spec

TASK_BYTES = 1 << 14  # the longest task for which there is a worker that takes others: any socket has room for it


@dataclass(frozen=True, kw_only=True)
class ScriptTask:
    """One attempt of a script. All paths are absolute."""

    attempt: int
    run_id: str  # of the attempt, for its ranks
    start: dict[str, Any]  # the fields of the first record
    records: str
    log: str
    rank_logs: tuple[str, ...]  # of the ranks from 1 on
    argv: tuple[str, ...]
    environment: Mapping[str, str]  # of the slot
    own_environment: Mapping[str, str]  # of the script: it counts more
    needs_port: bool  # PORT is to be filled in
    threads: int
    folder: str  # in which the script runs
    has_own_folder: bool  # the folder is made: it lies in the outcome folder
    dir: str  # the experiment's own folder
    private: str  # the launcher's folder in it
    are_folders_new: bool  # the last two were made for this attempt, and nothing is in them
    apart: frozenset[str]  # folders in which nobody looks for files that the script has written
    sources: tuple[SourceSpec, ...]  # from the beginnings of their files on
    has_metrics: bool  # the job says where metrics are looked for
    is_resumed: bool
    is_inside: bool
    total: int | None
    stop_signal: str
    watched: str | None
    stop_after: int | None
    config_text: str | None
    config: Mapping[str, Any]  # with the secrets in it, which an error may name
    given: Mapping[str, Any]

    @classmethod
    def of(cls, spec: Spec, script: Script, *, are_folders_new: bool = False) -> ScriptTask:
        """Return the task of an attempt."""
        log, outcome, logs = str(spec.paths.log(spec.experiment)), spec.paths.outcome, spec.paths.logs
        folder = str(script.folder)
        code = {"code": script.code} if script.code else {}
        return cls(
            attempt=spec.attempt,
            run_id=f"{spec.experiment}.{spec.attempt}",
            start={"digest": spec.digest, "device": spec.device_type, "threads": spec.threads} | code,
            records=str(spec.paths.records(spec.experiment)),
            log=log,
            rank_logs=tuple(str(spec.paths.rank_log(spec.experiment, rank)) for rank in range(1, spec.num_ranks)),
            argv=script.argv,
            environment=spec.environment,
            own_environment=script.environment,
            needs_port=any(PORT in text for text in (*script.argv, *script.environment.values())),
            threads=spec.threads,
            folder=folder,
            has_own_folder=folder == str(outcome) or folder.startswith(f"{outcome}{os.sep}"),  # as cwd = "{dir}/work"
            dir=str(script.dir),
            private=str(script.private),
            are_folders_new=are_folders_new,
            apart=_apart(outcome, logs),
            sources=tuple(_sources(script, log)),
            has_metrics=bool(script.log or script.events),
            is_resumed=script.is_resumed,
            is_inside=script.is_inside,
            total=script.total,
            stop_signal=script.stop_signal,
            watched=spec.watched,
            stop_after=spec.stop_after,
            config_text=script.config_text,
            config=spec.config,
            given=spec.given,
        )

    @property
    def num_ranks(self) -> int:
        """How many processes train together."""
        return 1 + len(self.rank_logs)

    @property
    def stop_file(self) -> str:
        """The file that asks a script to stop, where it looks at `launcher.current().should_stop`."""
        return f"{self.private}/stop"

    @property
    def config_file(self) -> str:
        """The file with the configuration, for `args = "file"`."""
        return f"{self.dir}/config.json"


def make_folders(script: Script) -> bool:
    """Make the folders of an experiment. Return whether both are new; if not, the worker makes what is missing."""
    try:
        os.mkdir(script.dir)
        os.mkdir(script.private)
    except OSError:
        return False
    return True


@lru_cache(maxsize=8)
def _apart(outcome: Path, logs: Path) -> frozenset[str]:
    return frozenset(map(str, (outcome, logs, outcome.parent, logs.parent)))


def _sources(script: Script, log: str) -> Iterator[SourceSpec]:
    yield SourceSpec(kind="run", path=str(script.private / "run.jsonl"))
    if script.log == "json":
        yield SourceSpec(kind="json", path=log)
    elif script.log == "auto":
        if not (script.events or script.hooks):  # what is printed beside them says the same once more
            yield SourceSpec(kind="auto", path=log)
    elif script.log and not isinstance(script.log, str):
        yield SourceSpec(kind="templates", path=log, templates=script.log)
    templates, is_auto = () if isinstance(script.log, str) else script.log, script.log == "auto"
    for pattern in script.events:
        path = os.path.join(glob.escape(str(script.folder)), pattern)
        yield SourceSpec(kind="events", path=path, templates=templates, is_auto=is_auto, metrics=script.metrics)
