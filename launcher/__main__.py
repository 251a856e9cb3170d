"""`python -m launcher`, and the script `sweep-launcher`. First the fork server, which imports while we do."""

import gc
import signal
import sys
from types import FrameType
from typing import NoReturn

from launcher import interpreter


class _Stopped(BaseException):
    """A signal asks this process to end when nobody else has arranged for it: in order, and with an exit code."""


def _stop(number: int, _frame: "FrameType | None") -> NoReturn:
    from launcher.errors import EXIT_SIGNALLED

    raise _Stopped(EXIT_SIGNALLED + number)


def main() -> None:
    """Run the command line and exit with its code."""
    interpreter.check()
    from launcher.cli import early_start
    from launcher.errors import EXIT_INTERRUPTED
    from launcher.executors import forkserver
    from launcher.terminal import streams  # which an old Python cannot read

    streams.hold()
    streams.take_any_text()
    streams.outlive_readers()
    gc.set_threshold(20_000)  # importing makes objects that stay; looking through them over and over takes 30 ms
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # else nohup
            signal.signal(number, _stop)
    try:
        early_start.start_early(sys.argv[1:])
        from launcher.cli.app import main as run

        run()
    except KeyboardInterrupt:  # while we import; from then on it is an event
        sys.exit(EXIT_INTERRUPTED)
    except _Stopped as stopped:
        sys.exit(stopped.args[0])
    finally:
        forkserver.end()
        gc.freeze()  # nor need the interpreter look through them once more as it ends


if __name__ == "__main__":
    main()
