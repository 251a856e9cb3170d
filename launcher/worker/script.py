"""The worker of a script: the child process that runs one attempt as another process, and follows its files.

    beginning        the process: session, death with the launcher, log, environment, first record
    script_attempt   the script runs, and what it tells is recorded
    last_record      the last record says how the attempt ended

It needs less than the worker of a training function (`main`), so the fork server of scripts imports this module alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from launcher.sources.template import compiled
from launcher.store.ending import EndingKind
from launcher.worker.beginning import begin
from launcher.worker.bell import UNWRITTEN_EXIT_CODE
from launcher.worker.group_end import leave
from launcher.worker.last_record import facts_at_end, secrets_of, write_last_record
from launcher.worker.process_setup import set_up_process
from launcher.worker.script_attempt import ScriptAttempt
from launcher.worker.script_task import ScriptTask


def warm(templates: Sequence[str]) -> None:
    """In the fork server, compile the templates of a job, which takes milliseconds. All workers have them then."""
    for template in templates:
        compiled(template)


def script(task: ScriptTask, bell_fd: int, _thread_budget_fd: int | None, *_device_locks: int, lifeline: int) -> None:
    """Run one attempt of a script and end the process. Arguments and exit code are those of `main`.

    `lifeline`: the pipe end by which this process dies with the launcher.
    """
    set_up_process(task.log, task.environment, lifeline, runs_code=False)
    writer = begin(task.records, task.attempt, task.start, bell_fd)
    attempt = ScriptAttempt(task, writer)
    try:
        last = attempt.run()
    except OSError as error:
        last = {"ending": EndingKind.FAILED, "error": str(error)}
    if last is None:  # the launcher says how it ended
        leave(1, bell_fd)
    secrets = partial(secrets_of, task.config, task.given, task.environment, task.own_environment, task.argv)
    is_written = write_last_record(last, facts_at_end(writer, is_script=True), writer, bell_fd, secrets)
    code = (1 if "error" in last else 0) if is_written else UNWRITTEN_EXIT_CODE
    leave(code, bell_fd, is_alone=attempt.is_alone)
