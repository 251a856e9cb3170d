"""Has tables, plots and report redrawn while experiments run, by a child process (`reports.build`).

matplotlib takes a second to import, and each plot takes a moment to draw. In a process of its own, at low priority,
this delays no start of an experiment, and a plot that fails cannot end the sweep. The child reads the files of the
sweep. It is sent only the names of experiments that have ended. While experiments run, it is also asked every now and
then for what has changed, so that a long experiment is seen in tables and plots long before its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import IO

from launcher.child_process import ChildProcess, start_module
from launcher.executors.process_tree import tree_cpu_s
from launcher.planning.plan import Plan
from launcher.shell_command import command_to_type
from launcher.store.paths import Paths

MESSAGE_AFTER_S = 5.0  # of drawing while no experiment runs any more
STILL_S = 60.0  # a process that has used no CPU time for so long will never answer
LIMIT_S = 600.0  # for the last drawing of a launch
RENEW_AFTER_S = 30.0  # the views are drawn again after so long, while experiments run
RENEW_OLD_AFTER_S = 2.0  # the same at the beginning of a launch that finds the views of an earlier launch
MOST_COMPLAINTS = 20  # lines of its stderr; later lines are left out
SHARE = 0.1  # drawing may take this share of one core while experiments run
LEAST_PAUSE_S = 5.0  # between two drawings meanwhile: nobody reads a page faster, and each draws all rows anew


def report_process(plan: Plan, warn: Callable[[str], None]) -> ReportProcess:
    """Return the drawing process of a launch, started."""
    remedy = command_to_type("report", plan.sweep.job_file, plan.sweep.folders)
    views = ReportProcess(plan.paths, warn, has_plots=bool(plan.sweep.settings.metrics), remedy=remedy)
    views.warm_up()
    return views


class ReportProcess:
    """The launcher's end of the drawing process."""

    def __init__(
        self,
        paths: Paths,
        warn: Callable[[str], None],
        *,
        has_plots: bool,
        remedy: str = "python -m launcher report",
    ) -> None:
        self._selector: selectors.BaseSelector | None = None  # of the event loop, which calls what is registered
        self._paths = paths
        self._warn = warn
        self._has_plots = has_plots
        self._remedy = remedy  # the command that makes all views
        self._child: ChildProcess | None = None
        self._pending: set[str] = set()
        self._is_busy = False
        self._progress: tuple[int, int] | None = None
        self._is_urgent = False
        self._has_told = False  # that the launch only waits for drawing
        self._since_s = 0.0  # when it was asked, or told to hurry
        self._moved_s = 0.0  # when it was last seen to have used CPU time
        self._cpu_s = 0.0
        self._has_given_up = False
        self._not_before_s = 0.0
        has_old = paths.report_html.exists()
        self._renewal_s = time.monotonic() + (RENEW_OLD_AFTER_S if has_old else RENEW_AFTER_S)
        self._pipes: list[IO[bytes]] = []  # from the child, those that are registered
        self._torn = b""
        self._complaints: set[str] = set()  # lines that the child wrote to its stderr
        self._problems: set[str] = set()  # that the user was told of

    def warm_up(self) -> None:
        """Start the drawing process, so that its imports are done when there is something to draw."""
        try:
            self._start()
        except OSError as error:
            self.give_up(f"the drawing process cannot be started: {error.strerror}")

    def attach(self, selector: selectors.BaseSelector) -> None:
        """Register with the selector of the event loop, which calls the data of what is ready."""
        self._selector = selector
        self._listen()

    def request(self, experiments: Iterable[str]) -> None:
        """Ask for the views of these experiments, and those that compare, to be drawn soon."""
        if not self._has_given_up:
            self._pending.update(experiments)
            self.advance()

    @property
    def progress(self) -> tuple[int, int] | None:
        """How many views are drawn, of how many; None while nothing is being drawn, or before the first number."""
        return self._progress

    @property
    def num_problems(self) -> int:
        """How many different things went wrong."""
        return len(self._problems)

    @property
    def is_working(self) -> bool:
        """Something is being drawn, or waits to be."""
        return self._is_busy or bool(self._pending)

    def advance(self) -> None:
        """Send what is pending if the child is free and has not drawn too much lately. Watch a child that is busy."""
        if self._is_busy:
            self._watch(time.monotonic())
        if self._is_busy or self._has_given_up:
            return
        now_s = time.monotonic()
        is_renewal = now_s >= self._renewal_s and not self._is_urgent
        if is_renewal or (self._pending and (self._is_urgent or now_s >= self._not_before_s)):
            self._send()

    def hurry(self) -> None:
        """From now on draw at once, because no experiment runs any more."""
        self._is_urgent = True
        self._since_s = time.monotonic()
        self.advance()

    def add_pause(self, pause_s: float) -> None:
        """Put off what is due by a time in which this process did not run."""
        self._renewal_s += pause_s
        self._since_s += pause_s
        self._moved_s += pause_s

    def _watch(self, now_s: float) -> None:
        """Tell the user what the launch waits for, and give up a process that will never answer."""
        assert self._child is not None, "only a running drawing process is busy"
        waited_s = now_s - self._since_s
        if self._is_urgent and waited_s >= MESSAGE_AFTER_S and not self._has_told:
            self._has_told = True
            self._warn("tables and plots are being drawn; Ctrl-C leaves them for later.")
        if self._is_urgent and waited_s >= LIMIT_S:
            self.give_up("drawing took too long")
        elif now_s - self._moved_s >= STILL_S:
            cpu_s = tree_cpu_s(self._child.process.pid)
            if cpu_s == self._cpu_s:
                self.give_up(f"the drawing process, pid {self._child.process.pid}, stands still")
            self._cpu_s, self._moved_s = cpu_s, now_s

    def _answered(self) -> None:
        assert self._child is not None, "only a running drawing process answers"
        piece = os.read(self._child.stdout.fileno(), 65536)
        *lines, self._torn = (self._torn + piece).split(b"\n")
        for line in lines:
            try:
                answer = json.loads(line)
            except ValueError:
                self.give_up("the drawing process answered nonsense")
                return
            if "drawn" in answer:
                self._progress = answer["drawn"], answer["of"]
                self._moved_s = time.monotonic()
                continue
            self._is_busy, self._progress = False, None
            self._not_before_s = time.monotonic() + max(LEAST_PAUSE_S, answer["seconds"] / SHARE)
            self._renewal_s = max(self._not_before_s, time.monotonic() + RENEW_AFTER_S)
            for problem in answer["problems"]:
                if problem not in self._problems:
                    self._warn(problem)
                self._problems.add(problem)
        if piece:
            self.advance()
        else:
            self.give_up("the drawing process ended")

    def give_up(self, why: str) -> None:
        """Draw no more, and say so."""
        self._problems.add(why)
        self._warn(f"{why}: tables and plots are not up to date. Make them with: {self._remedy}")
        self.abandon()

    def abandon(self) -> None:
        """Draw no more, without a message: the folder was taken away, and another launch may use its path."""
        self._has_given_up = True
        self._pending.clear()
        self._is_busy, self._progress = False, None
        self.close()

    def close(self) -> None:
        """End the drawing process."""
        if self._child is not None:
            while self._pipes:
                self._unregister(self._pipes[0])
            self._child.end()
            self._child = None

    def _send(self) -> None:
        if self._child is None:
            self.warm_up()
        if self._child is None:
            return
        names, self._pending, self._is_busy = sorted(self._pending), set(), True
        self._since_s = self._moved_s = time.monotonic()
        self._cpu_s = tree_cpu_s(self._child.process.pid)
        with contextlib.suppress(BrokenPipeError):  # it has ended: `_answered` reads the end of its stdout
            self._child.stdin.write(json.dumps(names).encode() + b"\n")
            self._child.stdin.flush()

    def _start(self) -> None:
        self._child = start_module(
            "launcher.reports.build",
            str(self._paths.outcome),
            str(self._paths.logs),
            str(self._has_plots),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # not the terminal: what others write there would tear the live view
            has_folder=False,
        )
        self._listen()

    def _listen(self) -> None:
        if self._selector is not None and self._child is not None:
            self._pipes = [self._child.stdout, self._child.stderr]
            for pipe, act in zip(self._pipes, (self._answered, self._complained), strict=True):
                self._selector.register(pipe, selectors.EVENT_READ, act)

    def _unregister(self, pipe: IO[bytes]) -> None:
        self._pipes.remove(pipe)
        if self._selector is not None:
            self._selector.unregister(pipe)

    def _complained(self) -> None:
        """Tell what the libraries that draw have to say, each line once."""
        assert self._child is not None, "only a running drawing process complains"
        piece = os.read(self._child.stderr.fileno(), 65536)
        if not piece:
            self._unregister(self._child.stderr)
        for line in piece.decode("utf-8", "replace").splitlines():
            if line.strip() and line not in self._complaints and len(self._complaints) < MOST_COMPLAINTS:
                self._complaints.add(line)
                self._warn(f"drawing: {line}")
