"""The worker: the child process that runs one attempt of one experiment and exits. Nothing here runs in the launcher.

    beginning       the process: session, death with the launcher, log, environment, first record
    main_process    to the code in it, and to what that code starts, it is the main process of a script
    function_ranks  with several devices, a process for each is forked, and from here on each does the same
    target          the training function is imported
    run             the training function runs, and records metrics and checkpoints
    last_record     the last record says how the attempt ended
    shutdown        the process ends as a script does

`script` is the worker where a job has a command. Importing this module must stay fast.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from launcher.store.checkpoints import Checkpoints
from launcher.store.records import RecordWriter
from launcher.worker.beginning import begin, hold_outcome
from launcher.worker.bell import UNWRITTEN_EXIT_CODE
from launcher.worker.device_check import check_device, check_identity, use_threads
from launcher.worker.function_ranks import train_in_ranks
from launcher.worker.last_record import facts_at_end, secrets_of, write_last_record
from launcher.worker.process_setup import set_up_process
from launcher.worker.rank_run import NoRecords
from launcher.worker.run import Run
from launcher.worker.shutdown import remember_modules, shut_down
from launcher.worker.spec import Spec
from launcher.worker.target import config_class, importable, load_function
from launcher.worker.target_call import exit_is_return, make_config, target_of
from launcher.worker.thread_budget import ThreadBudget
from launcher.worker.training import train_to_end


def main(spec: Spec, bell_fd: int, thread_budget_fd: int | None, *device_locks: int, lifeline: int) -> None:
    """Run one attempt and end the process. The last record says how the attempt ended.

    The exit code is 0 if the attempt is done or was stopped, 1 if it failed, and UNWRITTEN_EXIT_CODE if a record could
    not be written. `bell_fd`: of the pipe that wakes the launcher. `device_locks`: held by this process as long as it
    lives. `lifeline`: the pipe end by which this process dies with the launcher.
    """
    remember_modules()
    set_up_process(spec.paths.log(spec.experiment), spec.environment, lifeline)
    start = {"digest": spec.digest, "device": spec.device_type, "threads": spec.threads}
    writer = begin(spec.paths.records(spec.experiment), spec.attempt, start, bell_fd)
    outcome_fd = hold_outcome(spec.paths.outcome, bell_fd)
    about = partial(_about_run, spec, outcome_fd)
    if spec.num_ranks > 1:
        train_in_ranks(spec, writer, bell_fd, about, _train)
    run = Run(**about(writer), thread_budget=None if thread_budget_fd is None else ThreadBudget(thread_budget_fd))
    last = train_to_end(spec, run, writer, _train)
    is_written = write_last_record(
        last, facts_at_end(writer), writer, bell_fd, partial(secrets_of, spec.config, spec.given)
    )
    shut_down((1 if "error" in last else 0) if is_written else UNWRITTEN_EXIT_CODE)


def _about_run(spec: Spec, outcome_fd: int, writer: RecordWriter | NoRecords) -> dict[str, Any]:
    """Return the arguments of a run."""
    checkpoints = replace(spec.paths, outcome=Path(f"/proc/self/fd/{outcome_fd}")).checkpoints(spec.experiment)
    return {
        "name": spec.experiment,
        "seed": spec.seed,
        "attempt": spec.attempt,
        "device": spec.device_type,
        "outcome": spec.paths.outcome,
        "writer": writer,
        "checkpoints": Checkpoints(checkpoints, spec.experiment, spec.state_digest),
        "checkpoint_s": spec.checkpoint_s,
        "watched": spec.watched,
        "stop_after": spec.stop_after,
    }


def _train(spec: Spec, run: Run) -> None:
    target = target_of(spec)
    with importable(target):
        use_threads(spec.threads)
        check_device(spec)
        function = load_function(target)
        use_threads(spec.threads)  # again, because the target may have been the first to import torch
        check_identity(spec)
        config = make_config(config_class(target), spec, shows_values=True)
        result = None
        with exit_is_return():
            result = function(config, run)
        if inspect.iscoroutine(result) or inspect.isgenerator(result):
            raise TypeError(
                f"{spec.target} returned a {type(result).__name__} and has trained nothing: make it a plain def"
            )
