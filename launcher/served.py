"""The last module the fork server imports: makes what it holds complete, and cheap to fork.

torch imports some of itself only when it is first used, which each worker would do anew: 2 ms at its first optimizer
step. And a worker shares the server's memory until one of them writes to it. The garbage collector writes to every
object it looks at, so each worker would copy torch's, 73 MB, in 200 ms at its first full collection. What is there by
now is put where the collector never looks (gc.freeze, made for this).
"""

import contextlib
import gc
import importlib
import sys

import launcher.worker  # noqa: F401  everything a worker needs

_LATE = ("torch.profiler._cupti_monitor", "torch.utils.serialization")  # at the first step, at the first save

if "torch" in sys.modules:
    for name in _LATE:
        with contextlib.suppress(ImportError):  # another torch has others
            importlib.import_module(name)

gc.collect()
gc.freeze()
