"""What the fork server computes once for the workers of scripts."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import os, pickle
from launcher.sources.template import compiled
from launcher.worker import preloaded, script

def warm(message):
    theirs, ours = os.pipe()
    os.write(ours, message)
    os.close(ours)
    preloaded._warm(theirs)
    print(compiled.cache_info().currsize)

warm(pickle.dumps(("script", ["loss {loss}", "step {step}: loss {loss}"])))
warm(pickle.dumps(("script", ["no number"])))
warm(pickle.dumps(("nothing", [])))
warm(b"")
"""


def test_templates_are_compiled_before_the_fork_and_what_fails_is_left_to_the_workers() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["2", "2", "2", "2"]
