"""`python -m launcher`, and the script `sweep-launcher`: starts the fork server, then runs the command line.

The fork server comes first because it imports torch, while this process imports the rest. On Ray it is Ray's driver.
"""

import contextlib
import gc
import sys

from launcher import interpreter


def main() -> None:
    """Run the command line and exit with its code."""
    interpreter.check()
    from launcher import process_end

    try:
        _run()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            with contextlib.suppress(BaseException):  # then Python ends as it would, and tells what is wrong
                process_end.end(error.code or _code_of_output())
        raise


def _code_of_output() -> int:
    """Return 0 if all output was written. Otherwise say that it was not, and return the code of a WriteError."""
    from launcher.errors import WriteError
    from launcher.terminal import streams

    reason = streams.lost()
    if not reason:
        return 0
    print(f"error: some of the output could not be written: {reason}.", file=sys.stderr)
    return WriteError.exit_code


def _run() -> None:
    from launcher import early_signals, forked_process
    from launcher.cli import early_start
    from launcher.errors import EXIT_SIGNALLED
    from launcher.terminal import streams  # modules that an old Python cannot read

    streams.hold()
    streams.take_any_text()
    streams.outlive_failures()
    gc.set_threshold(200_000)  # imported modules stay; looking through them again and again takes 30 ms
    early_signals.handle()
    forked_process.allow()
    try:
        early_start.start_early(sys.argv[1:])
        from launcher.cli.app import main as run

        run()
    except BaseException as error:
        if isinstance(error, SystemExit) or not early_signals.received:
            raise
        sys.exit(EXIT_SIGNALLED + early_signals.received[0])  # any other error after a signal comes of it
    finally:
        early_start.end()


if __name__ == "__main__":
    main()
