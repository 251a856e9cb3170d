"""Runs a Python script in a process that was forked from the worker, with torch imported already (`inside = true`).

The script runs as `python script.py` would run it, with four differences that cannot be helped:

- Modules of `preload` are imported already, so variables that they read at import, such as OMP_NUM_THREADS, come too
  late. The number of torch's threads is set by a call instead.
- Options of Python itself, such as `-X` and `-O`, cannot be given.
- The random generators of numpy and torch were made before the fork. They are seeded anew, from the kernel.
- The process does not end by itself: `shutdown` ends it as Python ends a script.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import signal
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from launcher.worker.device_check import use_threads
from launcher.worker.failure import print_trace
from launcher.worker.main_process import become_main_process
from launcher.worker.process_setup import STACKS_SIGNAL
from launcher.worker.shutdown import exit_code, remember_modules, shut_down


def run_inside(argv: Sequence[str], folder: str, environment: Mapping[str, str], threads: int) -> NoReturn:
    """Run a script in this process, which was just forked for it, and end the process.

    `argv`: the Python, then the script or `-m` and a module, then the script's arguments.
    """
    failure: BaseException | None = None
    remember_modules()
    try:
        _be_a_script(folder, environment, threads)
        _execute(argv[1:])
    except BaseException as error:  # noqa: BLE001  the script's outermost frame
        failure = error
    code = exit_code(failure) if isinstance(failure, SystemExit) else int(failure is not None)
    if isinstance(failure, KeyboardInterrupt):
        code = 128 + signal.SIGINT
    if failure is not None and not isinstance(failure, SystemExit):
        print_trace(failure)
    del failure
    shut_down(code, has_children=False)  # the worker ends what is left of the process group


def _be_a_script(folder: str, environment: Mapping[str, str], threads: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, STACKS_SIGNAL):
        signal.signal(number, signal.SIG_DFL)
    become_main_process()
    os.environ.update(environment)
    os.chdir(folder)
    if hooks := environment.get("LAUNCHER_HOOKS"):  # no Python starts that would do it
        importlib.import_module("launcher.shim.sitecustomize").set_up_hooks(hooks.split(","))
    _seed_anew()
    use_threads(threads)


def _seed_anew() -> None:
    """Seed the random generators that were made before the fork: otherwise all scripts would draw the same numbers."""
    numpy: Any = sys.modules.get("numpy")
    torch: Any = sys.modules.get("torch")
    if numpy is not None:
        numpy.random.seed()
    if torch is not None:
        torch.manual_seed(int.from_bytes(os.urandom(7), "little"))


def _execute(words: Sequence[str]) -> None:
    """Run a script file, or a module after `-m`, in a new `__main__`.

    Pickles of its classes, processes that it spawns, and tracebacks find the script by `__main__` and its `__file__`.
    """
    if words[0] == "-m":
        sys.path.insert(0, os.getcwd())
        name, *rest = words[1:]
        found = importlib.util.find_spec(name)
        if found is not None and found.submodule_search_locations is not None:  # a package: its __main__ is run
            found = importlib.util.find_spec(f"{name}.__main__")
        if found is None or found.origin is None:
            raise ImportError(f"No module named {name}")
        path, spec = found.origin, found
    else:
        path, *rest = words
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        spec = None
    main: Any = types.ModuleType("__main__")
    main.__file__, main.__spec__ = path, spec
    main.__package__ = spec.parent if spec is not None else None
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main  # processes that it spawns have it by the second name
    sys.argv = [path, *rest]
    with io.open_code(os.path.abspath(path)) as file:
        code = compile(file.read(), path, "exec")
    exec(code, main.__dict__)
