"""Runs the cells of a notebook as IPython does: `docs.walkthrough` starts this program and reads what it prints.

stdin is a JSON list of cells. After each cell comes a line with a NUL and 0, or 1 if the cell raised an error; then no
further cell is run.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any


def main() -> None:
    """Run the cells on stdin, one after another, in one session."""
    cells = json.load(sys.stdin)
    sys.path[0] = os.getcwd()  # a notebook imports what lies beside it, not beside this program
    with tempfile.TemporaryDirectory(prefix="ipython-") as folder:
        os.environ["IPYTHONDIR"] = folder  # nothing is read from or written to the user's profile
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        settings = Config()
        settings.HistoryManager.enabled = False
        settings.InteractiveShell.colors = "nocolor"
        shell: Any = InteractiveShell.instance(config=settings)
        shell.displayhook.write_output_prompt = lambda: None  # no `Out[3]: `
        for cell in cells:
            result = shell.run_cell(cell)
            code = 0 if result.success else 1
            print(f"\n\0{code}", flush=True)
            if code:
                break


if __name__ == "__main__":
    main()
