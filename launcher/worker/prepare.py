"""The child process that lets a target check all configurations and build shared data, before any worker starts."""

from __future__ import annotations

import contextlib
import os
import sys
from multiprocessing.connection import Connection

from launcher.errors import LauncherError
from launcher.text import error_text
from launcher.worker.failure import describe, print_trace
from launcher.worker.main_process import become_main_process
from launcher.worker.process_setup import give_back_stacks_signal, set_up_process
from launcher.worker.shutdown import fork_exit_code, remember_modules, shut_down
from launcher.worker.spec import Spec
from launcher.worker.target import config_class, importable
from launcher.worker.target_call import exit_is_return, make_config, target_of
from launcher.worker.target_ending import user_folders


def prepare(specs: list[Spec], answer_fd: int, *, lifeline: int) -> None:
    """Import the target once, call `prepare(config)` of its module for every configuration, and end the process.

    Sends one UTF-8 message into the pipe `answer_fd`: the problems, empty if there are none.
    """
    log = specs[0].paths.prepare_log(specs[0].experiment)
    set_up_process(log, specs[0].environment | {"CUDA_VISIBLE_DEVICES": ""}, lifeline)
    remember_modules()
    become_main_process(give_back_stacks_signal)
    pid = os.getpid()
    experiments_by_problem: dict[str, list[str]] = {}
    for spec in specs:
        failure: BaseException | None = None
        try:
            _prepare_one(spec)
        except (LauncherError, ValueError, OSError) as error:  # the user's data or configuration
            experiments_by_problem.setdefault(error_text(error) or type(error).__name__, []).append(spec.experiment)
        except BaseException as error:  # noqa: BLE001  the user's code: its own trace is in the log
            failure = error
        if os.getpid() != pid:  # the target forked, and the child came back to here
            shut_down(fork_exit_code(failure), has_children=False)
        if failure is not None:
            print_trace(failure)
            problem = f"{describe(failure, user_folders(spec))}\n  The trace: {log}"
            experiments_by_problem.setdefault(problem, []).append(spec.experiment)
    del failure
    lines = [f"{', '.join(names)}: {problem}" for problem, names in experiments_by_problem.items()]
    answer = Connection(answer_fd)
    answer.send_bytes("\n".join(lines).encode(errors="backslashreplace"))
    answer.close()
    shut_down(0)


def _prepare_one(spec: Spec) -> None:
    target = target_of(spec)
    with importable(target):
        cls = config_class(target)
        hook = getattr(sys.modules[target.module], "prepare", None)
        config = make_config(cls, spec, shows_values=False)
        if callable(hook):
            with contextlib.chdir("."), exit_is_return():  # back to this folder afterwards, for the next configuration
                hook(config)
