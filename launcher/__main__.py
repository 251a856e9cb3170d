"""`python -m launcher`, and the script `sweep-launcher`: starts the fork server, then runs the command line.

The fork server comes first because it imports torch, while this process imports the rest. On Ray it is Ray's driver.
"""

import gc
import sys

from launcher import interpreter


def main() -> None:
    """Run the command line and exit with its code."""
    interpreter.check()
    from launcher import early_signals, forked_process
    from launcher.cli import early_start
    from launcher.errors import EXIT_SIGNALLED
    from launcher.terminal import streams  # modules that an old Python cannot read

    streams.hold()
    streams.take_any_text()
    streams.outlive_readers()
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
        gc.freeze()  # the interpreter need not look through the objects once more when it ends


if __name__ == "__main__":
    main()
