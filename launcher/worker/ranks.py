"""Ranks: the processes of one attempt that train together, each on a device of its own. What holds for all kinds.

    worker ─┬─ rank 0     records everything, and its output is the log
            ├─ rank 1     its output goes to logs/<experiment>.rank1.log
            └─ …

The worker is the parent of all ranks and does nothing but watch them. They are in its process group, so what ends the
group ends them. They get the variables that torchrun sets. The first rank that fails counts: the others are asked to
end, and killed if they do not. `function_ranks` makes the ranks of a training function.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Sequence

from launcher.text import signal_name
from launcher.worker import descendants

ADDRESS = "127.0.0.1"
REST_LIMIT_S = 60.0  # that the others have after rank 0 has ended well
END_LIMIT_S = 5.0  # that the other ranks have to end, once a rank has failed
REASON_LIMIT_S = 2.0  # for another rank to say more than that it has lost its connection to the first
_RESERVE = range(29_500, 32_768)  # torch's default port, and the ports up to those that Linux hands out by itself
_FAILED = re.compile(r"rank (\d+) of \d+: ")
# What a rank says when another rank has died: gloo, NCCL, sockets.
_LOST_CONNECTION = re.compile(
    r"connection (was )?(closed|reset|aborted|refused)|broken ?pipe|ConnectionResetError|recvValue failed|"
    r"failed to recv|socket (error|closed)|remote process exit|unhandled system error|timed out waiting|"
    r"Application timeout",
    re.IGNORECASE,
)


def free_port() -> int:
    """Return a port that nobody uses now; the kernel chooses it.

    The kernel hands it to others as soon as this returns, so the ranks must start at once.
    """
    with contextlib.suppress(OSError), socket.socket() as probe:  # an error: all ports of the kernel's range are taken
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
    for port in _RESERVE:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((ADDRESS, port))
            return port
    raise OSError(errno.EADDRINUSE, "no port is free for the connections between ranks")


def environment(rank: int, num_ranks: int, port: int, run_id: str) -> dict[str, str]:
    """Return the variables that tell a rank who it is and where rank 0 listens, as torchrun sets them."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": str(num_ranks),
        "LOCAL_WORLD_SIZE": str(num_ranks),
        "MASTER_ADDR": ADDRESS,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": run_id,  # by this, libraries know that a launcher has made the ranks
    }


def named(rank: int, num_ranks: int, why: str) -> str:
    """Return why an attempt has failed, with the rank that has: `rank 1 of 2: ValueError: …`."""
    return f"rank {rank} of {num_ranks}: {why}"


def failed_rank(why: str) -> int | None:
    """Return the rank that a text by `named` names; None for another text."""
    found = _FAILED.match(why)
    return int(found[1]) if found else None


def is_lost_connection(why: str) -> bool:
    """Return whether an error says only that another rank is gone."""
    return bool(_LOST_CONNECTION.search(why))


def exit_text(code: int) -> str:
    """Return how a process ended, from its exit code; a negative code is that of a signal."""
    return f"exit code {code}" if code >= 0 else signal_name(-code)


class Ranks:
    """Watches the processes of the ranks, which are children of this process, and lets them end together.

    `reason` returns the error of a rank that has ended, as far as it is known.
    """

    def __init__(self, pids: Sequence[int], reason: Callable[[int], str]) -> None:
        self.pids = pids
        self._reason = reason
        self.pidfds = [os.pidfd_open(pid) for pid in pids]  # readable when a rank has ended
        self.codes: list[int | None] = [None] * len(pids)  # exit codes; negative: the number of a signal; None: it runs
        self._failed: list[int] = []  # in the order in which they were seen
        self._failed_s: float | None = None
        self._done_s: float | None = None  # when rank 0 has ended well
        self._asked_s: float | None = None  # when the others were asked to end
        self._was_stopped = False

    @property
    def is_over(self) -> bool:
        """All ranks have ended."""
        return None not in self.codes

    @property
    def was_stopped(self) -> bool:
        """The ranks were asked to stop before any had failed."""
        return self._was_stopped

    @property
    def failed(self) -> int | None:
        """The rank whose failure counts: the first whose error says more than that another rank is gone."""
        telling = [rank for rank in self._failed if not is_lost_connection(self._reason(rank))]
        return next(iter(telling or self._failed), None)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask all ranks to stop. Called from a signal handler."""
        self._was_stopped |= not self._failed
        self.send(number)

    def send(self, number: int) -> None:
        """Send a signal to every rank that runs."""
        for pidfd, code in zip(self.pidfds, self.codes, strict=True):
            if code is None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, number)

    def tend(self) -> None:
        """Take in which ranks have ended, and end the others after a failure. Called whenever time has passed."""
        now_s = time.monotonic()
        for rank, pid in enumerate(self.pids):
            if self.codes[rank] is None:
                self._look(rank, pid, now_s)
        if self.is_over:
            return
        if self._asked_s is not None:
            if now_s >= self._asked_s + END_LIMIT_S:
                self.send(signal.SIGKILL)
        elif self._must_end(now_s):
            self._asked_s = now_s
            self.send(signal.SIGTERM)

    def _must_end(self, now_s: float) -> bool:
        """Return whether the ranks that still run are to end now."""
        if self._failed_s is None:
            return self._done_s is not None and now_s >= self._done_s + REST_LIMIT_S
        is_explained = self.failed is not None and not is_lost_connection(self._reason(self.failed))
        return is_explained or now_s >= self._failed_s + REASON_LIMIT_S

    def _look(self, rank: int, pid: int, now_s: float) -> None:
        ended, status = descendants.wait(pid, os.WNOHANG)
        if ended == 0:
            return
        code = self.codes[rank] = os.waitstatus_to_exitcode(status)
        if code and self._asked_s is None:  # later the others end because they were asked to
            self._failed.append(rank)
            self._failed_s = now_s if self._failed_s is None else self._failed_s
        if rank == 0 and code == 0:
            self._done_s = now_s

    def close(self) -> None:
        """Release the descriptors."""
        for pidfd in self.pidfds:
            os.close(pidfd)
