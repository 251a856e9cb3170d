"""Begins the sources of a script, the files in which its metrics are found, and writes their description down."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterable
from dataclasses import replace

from launcher.sources.beginning import beginning_now
from launcher.sources.earlier_epochs import with_epochs
from launcher.sources.follow import Sources
from launcher.sources.source import SourceSpec, read_specs, specs_as_text
from launcher.store import values
from launcher.store.records import RecordWriter
from launcher.store.summary_file import read_summary
from launcher.worker.script_task import ScriptTask


def last_step_before(task: ScriptTask) -> int | None:
    """Return the last step that earlier attempts have recorded, where this one goes on from a checkpoint.

    None: it begins anew, or nothing was recorded.
    """
    summary = read_summary(task.records, ()) if task.is_resumed else None
    return summary.last_step if summary is not None and summary.num_steps else None


def begin_sources(task: ScriptTask, writer: RecordWriter, last_step: int | None) -> Sources:
    """Return the sources of an attempt that is about to start, and write their description into its records.

    `last_step`: that of `last_step_before`.

    What is in the files already belongs to earlier attempts: each is followed from its end on. With the description, a
    later launch can read what an attempt told and its worker could not record any more.
    """
    specs = beginning_now(_going_on(task, last_step or 0) if task.is_resumed else task.sources)
    writer.write({"kind": "follows", "sources": specs_as_text(specs), "is_resumed": task.is_resumed})
    return Sources(specs)


def _going_on(task: ScriptTask, last_step: int) -> Iterable[SourceSpec]:
    """Return the sources of a script that goes on: matches without a step are counted from its last step on.

    Where each epoch prints its steps from the first, the epochs of the attempt before are known too.
    """
    before = _sources_before(task.records)
    return [
        spec if spec.kind == "run" else with_epochs(replace(spec, after_step=last_step), before)
        for spec in task.sources
    ]


def _sources_before(records: str) -> list[SourceSpec]:
    """Return the description of the sources that the newest attempt has left; none if it cannot be read."""
    with contextlib.suppress(OSError, ValueError), open(records, "rb") as file:
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
            place = content.rfind(b'"kind":"follows"')
            begin, end = content.rfind(b"\n", 0, max(place, 0)) + 1, content.find(b"\n", max(place, 0))
            record = values.load(content[begin:end]) if 0 <= place < end else None
        if isinstance(record, dict):
            return read_specs(str(record.get("sources")))
    return []
