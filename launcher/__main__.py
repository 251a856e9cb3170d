"""`python -m launcher`, and the script `sweep-launcher`. First the fork server, which imports while we do."""

import gc
import os
import sys

from launcher import server


def main() -> None:
    """Run the command line and exit with its code."""
    _hold_standard_streams()
    gc.set_threshold(20_000)  # importing makes objects that stay; looking through them over and over takes 30 ms
    try:
        server.start_early(sys.argv[1:])
        from launcher.cli import main as run

        run()
    except KeyboardInterrupt:  # while we import; from then on it is an event
        sys.exit(130)
    finally:
        server.end()
        gc.freeze()  # nor need the interpreter look through them once more as it ends


def _hold_standard_streams() -> None:
    """Open what is closed of descriptors 0 to 2 on /dev/null, so that no file of ours gets such a number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest free number, which is this


if __name__ == "__main__":
    main()
