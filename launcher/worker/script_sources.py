"""Begins the sources of a script, the files in which its metrics are found, and writes their description down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from launcher.sources.beginning import beginning_now
from launcher.sources.follow import Sources
from launcher.sources.source import SourceSpec, specs_as_text
from launcher.store.records import RecordWriter
from launcher.store.summary_file import read_summary
from launcher.worker.script_task import ScriptTask


def begin_sources(task: ScriptTask, writer: RecordWriter) -> Sources:
    """Return the sources of an attempt that is about to start, and write their description into its records.

    What is in the files already belongs to earlier attempts: each is followed from its end on. With the description, a
    later launch can read what an attempt told and its worker could not record any more.
    """
    specs = beginning_now(_going_on(task) if task.is_resumed else task.sources)
    writer.write({"kind": "follows", "sources": specs_as_text(specs), "is_resumed": task.is_resumed})
    return Sources(specs)


def _going_on(task: ScriptTask) -> Iterable[SourceSpec]:
    """Return the sources of a script that goes on: matches without a step are counted from its last step on."""
    last_step = read_summary(task.records, ()).last_step
    return [spec if spec.kind == "run" else replace(spec, after_step=last_step) for spec in task.sources]
