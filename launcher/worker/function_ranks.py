"""Ranks of a training function: the worker forks a process for each device, and each calls the function.

    worker ── fork ─▶ rank r ── JSON line: how it ended ─▶ worker ─▶ last record

The worker forks before anything touches CUDA. Each rank is then what a worker with one device is, with two differences:
rank 0 alone records, and the last record is written by the worker, which knows how all have ended.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from launcher.current_run.agreement import Agreement
from launcher.store.ending import EndingKind
from launcher.store.records import RecordWriter
from launcher.worker import ranks as naming
from launcher.worker.bell import UNWRITTEN_EXIT_CODE, send_last_word
from launcher.worker.last_record import facts_at_end, secrets_of, write_last_record
from launcher.worker.process_setup import pass_stacks_signal_on, use_log
from launcher.worker.rank_run import NoRecords, RankRun
from launcher.worker.ranks import Ranks
from launcher.worker.shutdown import shut_down
from launcher.worker.spec import Spec
from launcher.worker.training import Train, train_to_end

_LOOK_S = 0.05
_PIPE_BYTES = 65_536

AboutRun = Callable[[RecordWriter | NoRecords], dict[str, Any]]


def train_in_ranks(spec: Spec, writer: RecordWriter, bell_fd: int, about: AboutRun, train: Train) -> NoReturn:
    """Train in `spec.num_ranks` processes and end this process, as `main` does.

    `writer` has written the first record. `about` returns the arguments of a run; `train` calls the target.
    """
    began_s = time.monotonic()
    writer.close()
    reports = Reports(spec.num_ranks)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # until each process has its own handler
    agreements = {"should_stop": Agreement(is_lasting=True), "should_save": Agreement(is_lasting=False)}
    pids: list[int] = []
    problem = ""
    try:
        port = naming.free_port()
        for rank in range(spec.num_ranks):
            if (pid := os.fork()) == 0:
                _be_rank(spec, rank, port, reports, about, train, agreements, bell_fd, began_s)
            pids.append(pid)
    except OSError as error:
        problem = f"its {spec.num_ranks} processes could not be started: {error.strerror}"
    ranks = Ranks(pids, reports.error)
    reports.close_senders()
    signal.signal(signal.SIGTERM, lambda *_: ranks.stop())
    pass_stacks_signal_on(ranks.send)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    if problem:
        ranks.send(signal.SIGKILL)
    _watch(ranks, reports)
    last = {"ending": EndingKind.FAILED, "error": problem} if problem else reports.verdict(ranks)
    code = _write_end(spec, last, reports.facts(), bell_fd, began_s)
    shut_down(code)


def _write_end(spec: Spec, last: dict[str, Any], facts: dict[str, Any], bell_fd: int, began_s: float) -> int:
    """Write the last record of the attempt. Return the exit code."""
    try:
        writer = RecordWriter(spec.paths.records(spec.experiment), spec.attempt, bell_fd, time.monotonic() - began_s)
    except OSError as error:
        problem = str(last.get("error", f"its last record could not be written: {error}"))
        send_last_word(bell_fd, {"ending": EndingKind.FAILED, "error": problem})
        return UNWRITTEN_EXIT_CODE
    is_written = write_last_record(last, facts, writer, bell_fd, partial(secrets_of, spec.config, spec.given))
    return (1 if "error" in last else 0) if is_written else UNWRITTEN_EXIT_CODE


def _be_rank(
    spec: Spec,
    rank: int,
    port: int,
    reports: Reports,
    about: AboutRun,
    train: Train,
    agreements: dict[str, Agreement],
    bell_fd: int,
    began_s: float,
) -> NoReturn:
    """Train in this process, which was forked for it, report to the worker, and end."""
    code = 1
    try:
        reports.keep_sender(rank)
        os.environ.update(naming.environment(rank, spec.num_ranks, port, f"{spec.experiment}.{spec.attempt}"))
        writer: RecordWriter | NoRecords = NoRecords()
        if rank == 0:
            elapsed_s = time.monotonic() - began_s
            writer = RecordWriter(spec.paths.records(spec.experiment), spec.attempt, bell_fd, elapsed_s)
        else:
            use_log(spec.paths.rank_log(spec.experiment, rank))
            print(f"attempt {spec.attempt}, rank {rank} of {spec.num_ranks}", flush=True)
        run = RankRun(rank=rank, **agreements, **about(writer))
        last = train_to_end(spec, run, writer, train, is_ready=_take_signals)
        if rank and "trace" in last:
            os.write(2, last["trace"].encode("utf-8", "backslashreplace"))
        code = 1 if "error" in last else 0
        reports.send(rank, last, facts_at_end(writer))
        shut_down(code, has_children=False, has_tracker=True)
    finally:
        os._exit(code)


def _take_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def _watch(ranks: Ranks, reports: Reports) -> None:
    """Wait until all ranks have ended, and read what they report meanwhile: a pipe holds only so much."""
    with selectors.DefaultSelector() as selector:
        for fd in (*ranks.pidfds, *reports.fds):
            selector.register(fd, selectors.EVENT_READ)
        while not ranks.is_over:
            for key, _ in selector.select(_LOOK_S):
                if key.fd in ranks.pidfds or not reports.read(key.fd):
                    selector.unregister(key.fd)
            ranks.tend()
    reports.read_all()


class Reports:
    """What each rank says about its end, as one line of JSON in a pipe. The worker reads."""

    def __init__(self, num: int) -> None:
        pipes = [os.pipe() for _ in range(num)]
        self.fds = [ours for ours, _ in pipes]
        self._senders = [theirs for _, theirs in pipes]
        self._texts = [b""] * num
        for fd in self.fds:
            os.set_blocking(fd, False)

    def keep_sender(self, rank: int) -> None:
        """In a rank, close what belongs to the worker and to the other ranks."""
        for fd in (*self.fds, *(sender for other, sender in enumerate(self._senders) if other != rank)):
            os.close(fd)

    def close_senders(self) -> None:
        """In the worker, close the ends of the ranks."""
        for sender in self._senders:
            os.close(sender)

    def send(self, rank: int, last: dict[str, Any], facts: dict[str, Any]) -> None:
        """Tell the worker how this rank has ended."""
        data = json.dumps([last, facts]).encode() + b"\n"
        while data:
            data = data[os.write(self._senders[rank], data) :]

    def read(self, fd: int) -> bool:
        """Read what a rank has sent so far. Return whether more may come."""
        try:
            data = os.read(fd, _PIPE_BYTES)
        except BlockingIOError:
            return True
        self._texts[self.fds.index(fd)] += data
        return bool(data)

    def read_all(self) -> None:
        """Read all that is left. Processes that a rank has left running may hold its pipe open."""
        for number, fd in enumerate(self.fds):
            while not self._texts[number].endswith(b"\n"):
                before = self._texts[number]
                if not self.read(fd) or self._texts[number] == before:
                    break

    def error(self, rank: int) -> str:
        """Return the error of a rank; empty if it has told none."""
        self.read_all()
        return str(self._report(rank)[0].get("error", ""))

    def facts(self) -> dict[str, Any]:
        """Return what is known about all ranks at their end: memory is summed, and that of a GPU the most of any."""
        facts = [self._report(rank)[1] for rank in range(len(self.fds))]
        found: dict[str, Any] = {key: facts[0][key] for key in ("unwritten", "unwritten_why") if key in facts[0]}
        if all("peak_memory_bytes" in each for each in facts):
            found["peak_memory_bytes"] = sum(each["peak_memory_bytes"] for each in facts)
        if peaks := [each["peak_gpu_memory_bytes"] for each in facts if "peak_gpu_memory_bytes" in each]:
            found["peak_gpu_memory_bytes"] = max(peaks)
        return found

    def verdict(self, ranks: Ranks) -> dict[str, Any]:
        """Return how the attempt has ended: as the rank that has failed, else as rank 0."""
        first = self._report(0)[0]
        failed = ranks.failed
        has_stopped = ranks.was_stopped and first.get("ending") == EndingKind.INTERRUPTED
        if failed is None or (has_stopped and naming.is_lost_connection(self.error(failed))):
            return first or {"ending": EndingKind.FAILED, "error": naming.named(0, len(self.fds), "it told no ending")}
        last = self._report(failed)[0]
        if "error" not in last:
            code = ranks.codes[failed] or 0
            ending = EndingKind.KILLED if code < 0 else EndingKind.FAILED
            last = {"ending": ending, "error": naming.exit_text(code)}
        return last | {"error": naming.named(failed, len(self.fds), last["error"])}

    def _report(self, rank: int) -> tuple[dict[str, Any], dict[str, Any]]:
        line, end, _ = self._texts[rank].partition(b"\n")
        last, facts = json.loads(line) if end else ({}, {})
        return last, facts
