"""The worker of a script: the child process that runs one attempt as another process, and follows its files.

    beginning        the process: session, death with the launcher, log, environment, first record
    script_attempt   the script runs, and what it tells is recorded
    last_record      the last record says how the attempt ended

It needs less than the worker of a training function (`main`), so the fork server of scripts imports this module alone.

Where an attempt has ended well and nothing is left of its script, the process does not end: it waits for the next task,
which the launcher sends when another attempt begins on the same devices. The first run of all code in a new process
takes most of what a further script costs (docs/decisions/0041). An attempt that ends in any other way ends the process,
and so does a script that has changed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from launcher.sources.template import compiled
from launcher.store.ending import EndingKind
from launcher.worker import descendants
from launcher.worker.beginning import begin
from launcher.worker.bell import UNWRITTEN_EXIT_CODE, send_rest
from launcher.worker.group_end import leave
from launcher.worker.last_record import facts_at_end, secrets_of, write_last_record
from launcher.worker.next_task import Traits, next_task
from launcher.worker.process_setup import send_output_to, set_up_process
from launcher.worker.script_attempt import ScriptAttempt
from launcher.worker.script_signals import ScriptSignals
from launcher.worker.script_task import ScriptTask


def warm(templates: Sequence[str]) -> None:
    """In the fork server, compile the templates of a job, which takes milliseconds. All workers have them then."""
    for template in templates:
        compiled(template)


def script(task: ScriptTask, bell_fd: int, tasks_fd: int | None, *_device_locks: int, lifeline: int) -> None:
    """Run one attempt of a script after another, and end the process. The exit code is that of `main`.

    `tasks_fd`: a socket by which further tasks come, a message each; None: there are none. The other arguments are
    those of `main`. `lifeline`: the pipe end by which this process dies with the launcher.
    """
    set_up_process(task.log, task.environment, lifeline, runs_code=False)
    signals, traits = ScriptSignals(), Traits.now()
    while True:
        code, is_alone = _run(task, bell_fd, signals)
        is_well = code == 0 and is_alone and not (signals.is_asked or signals.has_hung)
        may_go_on = is_well and traits.are_kept_by(Traits.now())
        if tasks_fd is None or not may_go_on or not send_rest(bell_fd):
            leave(code, bell_fd, is_alone=is_alone)
        if (next := next_task(tasks_fd, signals.wakeup)) is None:
            leave(code, bell_fd, is_alone=True)
        task = next
        send_output_to(task.log)


def _run(task: ScriptTask, bell_fd: int, signals: ScriptSignals) -> tuple[int, bool]:
    """Run one attempt. Return the exit code, and whether nothing is left of the script."""
    writer = begin(task.records, task.attempt, task.start, bell_fd)
    attempt = ScriptAttempt(task, writer, signals)
    try:
        last = attempt.run()
    except OSError as error:
        last = {"ending": EndingKind.FAILED, "error": str(error)}
    if last is None:  # the launcher says how it ended
        return 1, False
    secrets = partial(secrets_of, task.config, task.given, task.environment, task.own_environment, task.argv)
    facts = facts_at_end(writer, descendants.peak_bytes())
    is_written = write_last_record(last, facts, writer, bell_fd, secrets)
    writer.close()
    return (1 if "error" in last else 0) if is_written else UNWRITTEN_EXIT_CODE, attempt.is_alone
