"""`python -m launcher`, and the script `sweep-launcher`. First the fork server, which imports while we do."""

import sys

from launcher import server


def main() -> None:
    """Run the command line and exit with its code."""
    server.start_early(sys.argv[1:])
    try:
        from launcher.cli import main as run

        run()
    finally:
        server.end()


if __name__ == "__main__":
    main()
