"""The worker of a script: the child process that runs one attempt as another process, and follows its files.

    beginning        the process: session, death with the launcher, log, environment, first record
    script_attempt   the script runs, and what it tells is recorded
    last_record      the last record says how the attempt ended

It needs less than the worker of a training function (`main`), so the fork server of scripts imports this module alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import Connection

from launcher.sources.template import compiled
from launcher.store.ending import EndingKind
from launcher.worker.beginning import begin
from launcher.worker.bell import UNWRITTEN_EXIT_CODE
from launcher.worker.last_record import facts_at_end, write_last_record
from launcher.worker.script_attempt import ScriptAttempt
from launcher.worker.shutdown import leave
from launcher.worker.spec import Spec


def warm(templates: Sequence[str]) -> None:
    """In the fork server, compile the templates of a job, which takes milliseconds. All workers have them then."""
    for template in templates:
        compiled(template)


def script(
    spec: Spec, bell: Connection, _thread_budget: Connection | None, *_device_locks: Connection, lifeline: int
) -> None:
    """Run one attempt of a script and end the process. Arguments and exit code are those of `main`.

    `lifeline`: the pipe end by which this process dies with the launcher.
    """
    assert spec.script is not None, "the job has a command"
    writer = begin(spec, bell, lifeline)
    try:
        last = ScriptAttempt(spec, spec.script, writer).run()
    except OSError as error:
        last = {"ending": EndingKind.FAILED, "error": str(error)}
    if last is None:  # the launcher says how it ended
        leave(1, bell.fileno())
    is_written = write_last_record(spec, last, facts_at_end(writer, is_script=True), writer, bell.fileno())
    leave((1 if "error" in last else 0) if is_written else UNWRITTEN_EXIT_CODE, bell.fileno())
