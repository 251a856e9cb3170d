"""One process of a worker trains, from the moment that it is set up until its last record is known."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from launcher.current_run.current import set_current
from launcher.store.records import RecordWriter
from launcher.worker.main_process import become_main_process
from launcher.worker.process_setup import give_back_stacks_signal
from launcher.worker.rank_run import NoRecords
from launcher.worker.run import Run
from launcher.worker.shutdown import fork_exit_code, shut_down
from launcher.worker.spec import Spec
from launcher.worker.stop_signal import StopSignal
from launcher.worker.target_ending import target_ending

Train = Callable[[Spec, Run], None]


def train_to_end(
    spec: Spec, run: Run, writer: RecordWriter | NoRecords, train: Train, is_ready: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Call the target by `train`. Return how it ended, as fields of the last record.

    `is_ready`: called once SIGTERM asks the target to stop, rather than end this process.
    """
    pid = os.getpid()
    set_current(run)
    stop = StopSignal(run.ask_to_stop)
    become_main_process(stop.forget, give_back_stacks_signal)
    is_ready()
    failure: BaseException | None = None
    try:
        train(spec, run)
        if os.getpid() == pid and not run.divergence:
            writer.write({"kind": "phase", "phase": "in teardown"})
    except BaseException as error:  # noqa: BLE001  the worker's outermost frame: any error becomes the last record
        failure = error
    if os.getpid() != pid:  # the target forked, and the child came back to here: only the worker writes the last record
        shut_down(fork_exit_code(failure), has_children=False)
    return target_ending(spec, run, stop, failure)
