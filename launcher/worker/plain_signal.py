"""The functions of `signal` without its enums.

`signal` makes an enum of each number and handler that it returns. A forked process would run the code of enums for the
first time then, and copy the memory that the code is in: 50 pages, 0.1 ms.
"""

from __future__ import annotations

from _signal import (  # type: ignore[import-not-found]  # it has no stubs; `signal` has the same functions
    SIG_IGN,
    SIG_UNBLOCK,
    default_int_handler,
    pthread_sigmask,
    set_wakeup_fd,
    signal,
)

__all__ = ["SIG_IGN", "SIG_UNBLOCK", "default_int_handler", "pthread_sigmask", "set_wakeup_fd", "signal"]
