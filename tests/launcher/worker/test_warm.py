"""What the fork server does once for the workers of scripts, and what it must not import."""

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


def output_of(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def test_templates_are_compiled_before_the_fork_and_what_fails_is_left_to_the_workers() -> None:
    assert output_of(_CODE) == ["2", "2", "2", "2"]


def test_the_fork_server_of_scripts_imports_no_module_that_runs_code_of_its_own_after_a_fork() -> None:
    code = "import sys; from launcher.worker import preloaded, script; print(*sys.modules)"
    assert not {"threading", "random", "logging", "multiprocessing"}.intersection(output_of(code))


def test_the_fork_server_of_scripts_has_no_module_that_is_large_and_rarely_needed() -> None:
    code = "import sys; from launcher.worker import preloaded, script; print(*sys.modules)"
    assert not {"shutil", "bz2", "lzma", "tempfile", "subprocess"}.intersection(output_of(code))
