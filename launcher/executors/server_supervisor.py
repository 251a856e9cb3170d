"""Keeps a fork server at hand: starts it, waits for it, and replaces it when it dies or falls silent.

Whoever waits for a fork server waits a limited time, and signals are handled meanwhile.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from launcher.errors import InputError, LauncherError
from launcher.executors import forkserver
from launcher.executors.forkserver import ForkServer, ServerDied, ServerSilent

FORK_LIMIT_S = 1.0  # for a fork, which takes milliseconds: the event loop waits no longer. Doubled after each silence
SILENCE_LIMIT_S = 30.0  # a server that is ready and does not answer for so long is replaced
IMPORT_LIMIT_S = 600.0  # for all modules of `preload`
MESSAGE_AFTER_S = 10.0  # of waiting for imports
MAX_DEATHS = 5  # of servers, one after another, none of which has forked a worker
PAUSE_S = 0.25  # after the first of these deaths; doubled after each further death


class ServerSupervisor:
    """The fork server of one launch, and its successors."""

    def __init__(self, preload: Sequence[str], warn: Callable[[str], None]) -> None:
        self._preload = tuple(preload)
        self._warn = warn
        self._server: ForkServer | None = None
        self._began_s = 0.0  # when the server was started or taken over
        self._fork_limit_s = FORK_LIMIT_S
        self._silent_since_s: float | None = None  # when it was first seen to owe an answer
        self._num_deaths = 0  # since a server has forked a worker
        self._not_before_s = 0.0  # when the next server may be started

    @property
    def server(self) -> ForkServer | None:
        """The server that lives, as far as is known; None if there is none now."""
        return self._server

    def warm_up(self) -> None:
        """Start a server, so that it imports torch while the launcher does other things."""
        if self._server is None:
            self._start()

    def is_ready(self) -> bool:
        """Return whether a worker can be forked now. Where there is no server, another is started.

        Raises:
            InputError: a module of `preload` cannot be imported.
            LauncherError: one server after another has died.
        """
        try:
            if self._server is None:
                if time.monotonic() >= self._not_before_s:
                    self._start()
                return False
            self._server.advance()
            self._check_silence(self._server)
        except ServerDied as death:
            self._replace(str(death))
            return False
        return self._server is not None and self._server.is_ready and not self._server.is_silent

    def await_ready(self) -> None:
        """Wait until a worker can be forked. Signals are handled meanwhile.

        Raises:
            InputError: a module of `preload` cannot be imported, or takes longer than IMPORT_LIMIT_S.
            LauncherError: one server after another has died.
        """
        began_s, has_told = time.monotonic(), False
        while not self.is_ready():
            if self._server is None:
                time.sleep(max(0.0, self._not_before_s - time.monotonic()))
                continue
            with contextlib.suppress(ServerDied):  # the next `is_ready` finds it dead
                self._server.advance(PAUSE_S)
            waited_s = time.monotonic() - began_s
            if waited_s >= MESSAGE_AFTER_S and not has_told and not self._server.is_ready:
                has_told = True
                module = self._server.importing
                self._warn(f"the fork server is importing {module}, for {waited_s:.0f} s now; Ctrl-C gives up.")

    def warm(self, function: str, argument: object) -> None:
        """Let the server compute what workers need, as `ForkServer.warm` does. A successor is told anew."""
        if self._server is not None and self._server.is_ready:
            self._server.warm(function, argument)

    def fork(self, request: bytes, lifeline: int, inherited: Sequence[int]) -> tuple[int, int, ForkServer]:
        """Have a worker forked, as `ForkServer.fork` does. Return its pid, a pidfd, and the server that has forked it.

        Raises:
            OSError: the system has no room for another process.
            ServerDied, ServerSilent: no worker was made; it may be tried again when `is_ready` says so.
            InputError, LauncherError: as `is_ready`.
        """
        if self._server is None or not self._server.is_ready:
            raise ServerSilent
        try:
            pid, pidfd = self._server.fork(request, lifeline, inherited, self._fork_limit_s)
        except ServerDied as death:
            self._replace(str(death))
            raise
        except ServerSilent:
            self._fork_limit_s = min(2 * self._fork_limit_s, SILENCE_LIMIT_S / 2)
            raise
        self._num_deaths, self._fork_limit_s = 0, FORK_LIMIT_S
        return pid, pidfd, self._server

    def hand_over(self) -> None:
        """Leave the server to the worker that it has forked; the next worker gets a server of its own."""
        self._server = None

    def close(self, *, is_kept: bool) -> None:
        """End the server; with `is_kept` keep it for the next launch of this process, if it has imported everything."""
        if self._server is not None:
            if is_kept and self._server.is_ready:
                forkserver.give_back(self._server)
            else:
                self._server.end()
            self._server = None

    def _start(self) -> None:
        self._began_s = time.monotonic()
        self._silent_since_s = None
        try:
            self._server = forkserver.take(self._preload)
        except OSError as error:
            self._replace(f"cannot be started ({error.strerror})")

    def _check_silence(self, server: ForkServer) -> None:
        """End a server that imports for ever, or that does not answer because it was stopped."""
        now_s = time.monotonic()
        if not server.is_ready and now_s - self._began_s > IMPORT_LIMIT_S:
            raise InputError(
                f"sweep.preload: importing {server.importing} takes more than {IMPORT_LIMIT_S:.0f} s. Take it out."
            )
        if not server.is_silent:
            self._silent_since_s = None
        elif self._silent_since_s is None:
            self._silent_since_s = now_s
        elif now_s - self._silent_since_s > SILENCE_LIMIT_S:
            server.end()
            raise ServerDied(f"was silent for {SILENCE_LIMIT_S:.0f} s and is killed")

    def _replace(self, how: str) -> None:
        """Take in how the server has died, and have another started in a moment.

        Raises:
            InputError: it ended by itself while it imported a module of `preload`.
            LauncherError: too many servers have died one after another.
        """
        dead, self._server = self._server, None
        if dead is not None:
            dead.end()
            if dead.failure or (not dead.is_ready and how.startswith("ended")):
                why = dead.failure or f"the process {how}"
                raise InputError(
                    f"sweep.preload: importing {dead.importing} failed: {why}.\n  Mend it, or take it out."
                )
            if not dead.is_ready:
                how += f" as it imported {dead.importing}"
        self._num_deaths += 1
        if self._num_deaths >= MAX_DEATHS:
            raise LauncherError(
                f"the fork server, which all workers come from, {how}. It was number {self._num_deaths} in a row, so "
                "nothing more is started.\n"
                "  Likely cause: memory runs out (dmesg tells), or something on this machine kills it.\n"
                "  The same command again goes on."
            )
        self._not_before_s = time.monotonic() + PAUSE_S * 2 ** (self._num_deaths - 1)
        self._warn(f"the fork server {how}: another is started.")
