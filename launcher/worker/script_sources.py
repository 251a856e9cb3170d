"""Which files of a script are followed, and from where on: its log, what `launcher.current` writes, and event files."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable
from pathlib import Path

from launcher.command.script import Script
from launcher.sources.beginning import beginning_now
from launcher.sources.follow import Sources
from launcher.sources.source import SourceSpec
from launcher.store.records import RecordWriter


def begin_sources(script: Script, log: Path, writer: RecordWriter, after_step: int = 0) -> Sources:
    """Return the sources of an attempt that is about to start, and write their description into its records.

    What is in the files already belongs to earlier attempts: each is followed from its end on. With the description, a
    later launch can read what an attempt told and its worker could not record any more.

    `after_step`: the step after which matches that have no step of their own are counted.
    """
    specs = beginning_now(_specs(script, log, after_step))
    described = json.dumps([spec.to_json() for spec in specs])
    writer.write({"kind": "follows", "sources": described, "is_resumed": script.is_resumed})
    return Sources(specs)


def _specs(script: Script, log: Path, after_step: int) -> Iterable[SourceSpec]:
    yield SourceSpec(kind="run", path=str(script.private / "run.jsonl"))
    if script.log == "json":
        yield SourceSpec(kind="json", path=str(log), after_step=after_step)
    elif script.log == "auto":
        if not (script.events or script.hooks):  # what is printed beside them says the same once more
            yield SourceSpec(kind="auto", path=str(log), after_step=after_step)
    elif script.log and not isinstance(script.log, str):
        yield SourceSpec(kind="templates", path=str(log), templates=script.log, after_step=after_step)
    for pattern in script.events:
        yield SourceSpec(
            kind="events", path=os.path.join(glob.escape(str(script.folder)), pattern), after_step=after_step
        )
