"""`python -m launcher.supervisor OUTCOME BATCH NUMBER`: runs a group of attempts on a node. A cluster starts it.

OUTCOME is the outcome folder of a sweep, BATCH the name of a batch in it, NUMBER that of a group in the batch, from 0.
The exit code is 0 if all is done, 75 if another process runs what is not, and 1 otherwise.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from launcher import interpreter


def main() -> None:
    """Supervise the group that the arguments name, and exit with the code that says how it ended."""
    interpreter.check()
    from launcher.supervisor.stop_signals import StopSignals

    signals = StopSignals()  # a signal may come while modules are imported
    if len(sys.argv) != 4 or not sys.argv[3].isascii() or not sys.argv[3].isdigit():
        sys.exit("usage: python -m launcher.supervisor OUTCOME BATCH NUMBER")
    gc.set_threshold(20_000)
    from launcher.supervisor.start import supervise

    sys.exit(supervise(Path(sys.argv[1]).absolute(), sys.argv[2], int(sys.argv[3]), signals))


if __name__ == "__main__":
    main()
