"""The way of the shell: `xargs -P2`, a new Python for each experiment.

    python bench/peers/xargs.py FOLDER

The same command again starts over.
"""

from __future__ import annotations

import os
import sys

from common import BENCH, read

if __name__ == "__main__":
    folder, experiments = read()
    names = folder / "names.txt"
    names.write_text("".join(f"{name}\n" for name in experiments))
    options = ["--arg-file", str(names), "--max-procs=2", "--max-args=1", "--delimiter=\\n"]
    os.execvp("xargs", ["xargs", *options, sys.executable, str(BENCH / "workload.py"), str(folder)])
