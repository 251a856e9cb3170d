"""`python -m launcher`, and the script `sweep-launcher`. First the fork server, which imports while we do."""

import gc
import sys

from launcher import server, streams


def main() -> None:
    """Run the command line and exit with its code."""
    streams.hold()
    streams.take_any_text()
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


if __name__ == "__main__":
    main()
