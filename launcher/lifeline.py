"""How a child process dies with the launcher, whatever happens to either: workers, and the drawing process."""

from __future__ import annotations

import fcntl
import os
import select
import signal


def die_with_holder(fd: int) -> None:
    """Have the kernel send SIGKILL to this process's group the moment the other end of a pipe is closed.

    `fd` is the read end of a pipe on which nothing is ever sent and whose write end the launcher alone holds. Its last
    close counts as input, and the kernel answers input on an O_ASYNC descriptor with the signal, and to the group, we
    name (fcntl(2), F_SETSIG and F_SETOWN). No thread watches, so it also ends a process that is stopped, or in a C call
    that never gives the interpreter back; and it takes the children in the group along.
    """
    fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([fd], [], [], 0)[0]:  # it died before we asked
        os.killpg(0, signal.SIGKILL)
