"""`python -m launcher`, and the script `sweep-launcher`: starts the fork server, then runs the command line.

The fork server comes first because it imports torch, while this process imports the rest.
"""

import gc
import signal
import sys
from types import FrameType
from typing import NoReturn

from launcher import interpreter


class _Stopped(BaseException):
    """Ends this process in order, with an exit code, when a signal arrives before a launch has a handler for it."""


def _stop(number: int, _frame: "FrameType | None") -> NoReturn:
    from launcher.errors import EXIT_SIGNALLED

    raise _Stopped(EXIT_SIGNALLED + number)


def main() -> None:
    """Run the command line and exit with its code."""
    interpreter.check()
    from launcher.cli import early_start
    from launcher.errors import EXIT_INTERRUPTED
    from launcher.executors import forkserver
    from launcher.terminal import streams  # modules that an old Python cannot read

    streams.hold()
    streams.take_any_text()
    streams.outlive_readers()
    gc.set_threshold(20_000)  # imported modules stay; looking through them again and again takes 30 ms
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # else we run under nohup
            signal.signal(number, _stop)
    try:
        early_start.start_early(sys.argv[1:])
        from launcher.cli.app import main as run

        run()
    except KeyboardInterrupt:  # while we import; later, a launch handles Ctrl-C
        sys.exit(EXIT_INTERRUPTED)
    except _Stopped as stopped:
        sys.exit(stopped.args[0])
    finally:
        forkserver.end()
        gc.freeze()  # the interpreter need not look through the objects once more when it ends


if __name__ == "__main__":
    main()
