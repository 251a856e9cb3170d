"""Runs a script as an attempt: starts it, records what it tells, passes a stop on to it, and says how it ended.

The script writes into its log and its other files by itself. This process follows the files, so that nothing here can
hold the script up: if this process is stopped, the script goes on.
"""

from __future__ import annotations

import contextlib
import glob
import os
import select
import signal
import time
from collections import deque
from typing import Any

from launcher.config import redact
from launcher.sources.follow import Sources
from launcher.sources.source import Found
from launcher.store.ending import EndingKind
from launcher.store.records import RecordWriter
from launcher.store.summary_file import read_summary
from launcher.text import inline
from launcher.worker import descendants
from launcher.worker.left_running import left_running
from launcher.worker.ranks import Ranks
from launcher.worker.script_process import ScriptProcesses
from launcher.worker.script_signals import ScriptSignals
from launcher.worker.script_sources import begin_sources, last_step_before
from launcher.worker.script_task import ScriptTask
from launcher.worker.touched_files import TouchedFiles

FOLLOW_S = 0.05  # between two looks at the files of a script
_LEAVE_S = 10.0  # that a script has for its end after it was asked to stop because of its own numbers


class ScriptAttempt:
    """One attempt of a script, in the worker."""

    def __init__(self, task: ScriptTask, writer: RecordWriter, signals: ScriptSignals) -> None:
        self.is_alone = False  # nothing is left of the script, and nothing is started any more
        self._task = task
        self._writer = writer
        self._signals = signals
        self._processes: ScriptProcesses | None = None
        self._unwritten: deque[Found] = deque()
        self._has_step = False
        self._has_enough = False  # it has made the steps asked for
        self._why = ""  # why this process asked it to stop: its divergence
        self._kill_at_s = float("inf")

    def run(self) -> dict[str, Any] | None:
        """Run the script to its end. Return the fields of the last record; None if there is none to write.

        Raises:
            OSError: the folder of the experiment, or a record, cannot be written.
        """
        task, writer = self._task, self._writer
        descendants.adopt()
        self._make_folder()
        self._signals.tell(self._tell_script, self._abort)
        files = TouchedFiles(task.folder, task.apart)
        last_step = last_step_before(task)
        sources = begin_sources(task, writer, last_step)
        if task.total is not None:
            writer.write({"kind": "total", "steps": task.total})
        try:
            self._processes = ScriptProcesses(task, last_step)
        except OSError as error:
            where = f", in {task.folder}" if error.filename != task.folder else ""
            return {"ending": EndingKind.FAILED, "error": f"the command cannot be started: {error}{where}"}
        if self._is_asked:  # the signal came before there was a process
            self._tell_script()
        self._follow(self._processes.ranks, sources)
        self._signals.tell_nobody()
        self.is_alone = descendants.are_gone()
        is_over = self._processes.has_succeeded and not self._is_asked
        left = left_running() if is_over and not self.is_alone else []
        writer.hush()
        self._record(sources, is_final=True)
        self._tell_of_files(files)
        self._tell_of_processes(left)
        return self._ending(self._processes)

    def _make_folder(self) -> None:
        task = self._task
        if not task.are_folders_new:
            os.makedirs(task.private, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(task.stop_file)
        if task.has_own_folder:
            os.makedirs(task.folder, exist_ok=True)
        if task.config_text is not None:
            mode = 0o600 if redact.secrets(task.config) else 0o666
            with contextlib.suppress(FileNotFoundError):
                os.unlink(task.config_file)  # whatever the script has put there: a link, a FIFO
            fd = os.open(task.config_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with open(fd, "w", encoding="utf-8") as file:
                file.write(task.config_text)

    @property
    def _is_asked(self) -> bool:
        """The script was asked to stop, and not because its numbers are wrong."""
        return self._signals.is_asked or self._has_enough

    def _tell_script(self) -> None:
        """Ask the script to save and end: by a file, which `launcher.current().should_stop` sees, and by a signal."""
        with contextlib.suppress(OSError):
            os.close(os.open(self._task.stop_file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
        if self._processes is not None:
            self._processes.ranks.stop(signal.Signals[self._task.stop_signal])

    def _abort(self) -> None:
        """End the script with SIGABRT. Python writes the stacks of its threads into the log then."""
        if self._processes is not None:
            self._processes.ranks.send(signal.SIGABRT)

    def _follow(self, ranks: Ranks, sources: Sources) -> None:
        """Record what the script tells until all its processes have ended."""
        poll, wakeup = select.poll(), self._signals.wakeup
        for fd in (wakeup, *ranks.pidfds):
            poll.register(fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(0 if sources.is_behind else FOLLOW_S * 1000)}
            for pidfd in ready.intersection(ranks.pidfds):
                poll.unregister(pidfd)
            ranks.tend()
            descendants.reap(apart=ranks.pids)
            if ranks.is_over:
                ranks.close()
                return
            if wakeup in ready:
                os.read(wakeup, 4096)
            self._record(sources)
            if time.monotonic() >= self._kill_at_s:
                self._kill_at_s = float("inf")
                ranks.send(signal.SIGKILL)

    def _record(self, sources: Sources, *, is_final: bool = False) -> None:
        """Write a record of everything that is new in the script's files.

        What cannot be written, as on a full disk, is tried again at the next look.
        """
        self._unwritten += sources.poll(is_final=is_final)
        while self._unwritten:
            found = self._unwritten[0]
            try:
                self._write(found)
            except OSError:
                return
            self._unwritten.popleft()
        with contextlib.suppress(OSError):
            for note in sources.take_notes():
                self._writer.write({"kind": "note", "text": note})
        self._writer.num_unwritten = 0

    def _write(self, found: Found) -> None:
        if found.step is not None and not self._has_step:
            self._has_step = True
            if self._task.is_resumed and found.step > 0:  # lower steps, of other files, replace nothing
                self._writer.write({"kind": "resume", "step": found.step - 1})
        self._writer.write(found.fields, found.step, found.src)
        if found.step is not None and not self._why:
            self._judge(found.step, found.fields)

    def _tell_of_files(self, files: TouchedFiles) -> None:
        """Record what else the launch should know of the script's files."""
        with contextlib.suppress(OSError):
            for file in files.changed():
                self._writer.write({"kind": "touched", "file": file})
            if not self._has_step and self._task.has_metrics:
                self._writer.write({"kind": "note", "text": _no_metric(self._task)})

    def _tell_of_processes(self, left: list[str]) -> None:
        """Record that processes were left running: they end now, whatever they have still to do."""
        if left:
            text = (
                f"the command has ended and left processes running, which are ended now: {', '.join(left)}. "
                "An experiment is over when its command ends: let it wait for them, as wait does in a shell script"
            )
            with contextlib.suppress(OSError):
                self._writer.write({"kind": "note", "text": text})

    def _judge(self, step: int, metrics: dict[str, Any]) -> None:
        """Ask the script to stop if its watched metric is not finite, or if it has made the steps asked for."""
        watched = self._task.watched
        value = metrics.get(watched, 0.0) if watched is not None else 0.0
        if isinstance(value, float) and not abs(value) < float("inf"):
            self._why = f"{watched} is {value} at step {step}"
        is_over = self._task.stop_after is not None and step >= self._task.stop_after
        if (self._why or is_over) and self._kill_at_s == float("inf"):
            self._has_enough |= is_over
            self._kill_at_s = time.monotonic() + _LEAVE_S
            self._tell_script()

    def _ending(self, processes: ScriptProcesses) -> dict[str, Any] | None:
        if self._signals.has_hung:
            return None  # the launcher says how long it was silent
        if self._why:
            return {"ending": EndingKind.DIVERGED, "error": f"Diverged: {self._why}"}
        if self._is_asked and not (processes.has_succeeded and read_summary(self._task.records, ()).has_all_steps):
            return {"ending": EndingKind.INTERRUPTED}
        return processes.ending()


def _no_metric(task: ScriptTask) -> str:
    """Return what is told of a script without a metric: where it was looked for, and how a person looks there.

    It is the same for all experiments, so that it is told once.
    """
    own = glob.escape(task.dir)
    globs = [source.path.replace(own, "{dir}") for source in task.sources if source.kind == "events"]
    if not globs:
        return "no metric was found in its output. What a log has is shown by python -m launcher try-log JOB LOG"
    return (
        f"no metric was found in its output, and none in files that events names: {inline(', '.join(globs), 500)}. "
        "What a file has is shown by python -m launcher try-log FILE"
    )
