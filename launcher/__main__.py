"""`python -m launcher`, and the script `sweep-launcher`. First the fork server, which imports while we do."""

import sys

from launcher import server


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        server.start_early(sys.argv[1:])
        from launcher.cli import main as run

        run()
    except KeyboardInterrupt:  # while we import; from then on it is an event
        sys.exit(130)
    finally:
        server.end()


if __name__ == "__main__":
    main()
