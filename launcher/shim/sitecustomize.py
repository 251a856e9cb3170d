"""Runs at the start of each Python of a `command`, before the script: its death with the launcher, and its hooks.

Python imports a module of this name when it starts, if it finds one on its path. It may be any Python from 3.8 on,
perhaps without the launcher and its libraries, so only the standard library is used, and as little of it as is needed.

1. The lifeline (LAUNCHER_LIFELINE): a FIFO whose write end the launcher holds. When the launcher dies, the kernel
   kills this process and its group. torchrun gives each rank a session of its own, which no other pipe reaches.
2. The hooks (LAUNCHER_HOOKS): when a library has been imported, `launcher.integrations.hooks` adds to it.
3. The sitecustomize of the user or the distribution, which this one hides, is run as if it had been found.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_MODULES = {  # what is waited for: a library → its modules, after whose import the hook is called with them
    "wandb": ("wandb.sdk.wandb_run", "wandb.sdk.lib.noop_run", "wandb.sdk.wandb_summary", "wandb.sdk.lib.disabled"),
    "transformers": ("transformers.trainer",),
    "accelerate": ("accelerate.accelerator",),
    "keras": ("keras",),
    "lightning": (
        "lightning.pytorch.trainer.connectors.callback_connector",
        "pytorch_lightning.trainer.connectors.callback_connector",
    ),
}


def _hold_lifeline(path: str) -> None:
    """Have the kernel kill this process and its group when the last writer of the FIFO is gone."""
    _open_lifeline(path, -os.getpgrp())
    _open_lifeline(path, os.getpid())
    # The settings belong to the open file, which a forked child shares: it needs its own.
    os.register_at_fork(after_in_child=lambda: _open_lifeline(path, os.getpid()))


def _open_lifeline(path: str, owner: int) -> None:
    import fcntl
    import signal

    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # not there: perhaps in a container, from where the launcher's files are not to be seen
        return
    fcntl.fcntl(fd, fcntl.F_SETOWN, owner)
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    try:
        if os.read(fd, 1) == b"":  # there is no writer: the launcher died before
            os.kill(os.getpid(), signal.SIGKILL)
    except BlockingIOError:
        pass


class _PostImport:
    """A finder that finds nothing itself. It has a function called when a module has been imported, and then leaves."""

    def __init__(self, waited_for: dict[str, str]) -> None:
        self._waited_for = waited_for  # module → library

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a module that is waited for by the other finders; nothing else."""
        if name not in self._waited_for:
            return None
        library = self._waited_for.pop(name)
        if not self._waited_for:
            sys.meta_path.remove(self)
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if finder is self or find is None else find(name, path, target)
            if spec is not None:
                self._watch(spec.loader, library)
                return spec
        return None

    @staticmethod
    def _watch(loader: Any, library: str) -> None:
        def _run_and_call(module: ModuleType) -> None:
            run(module)
            del loader.exec_module
            _call_hook(library, module)

        try:
            run = loader.exec_module
            loader.exec_module = _run_and_call
        except AttributeError:  # a loader of another kind
            _tell(library, f"its loader {loader!r} cannot be watched")


class _Launcher:
    """The last finder: where nobody finds the package of the launcher, this is where it lies. It finds nothing else."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the package of the launcher."""
        if name != "launcher":
            return None
        from importlib.util import spec_from_file_location

        folder = os.path.dirname(_HERE)
        return spec_from_file_location(name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])


def _call_hook(library: str, module: ModuleType) -> None:
    try:
        from launcher.integrations import hooks

        hooks.HOOKS[library](module)
    except Exception as error:  # noqa: BLE001  a script trains without its hook rather than not at all
        _tell(library, f"{type(error).__name__}: {error}")


def _tell(library: str, why: str) -> None:
    sys.stderr.write(f"launcher: the hook {library!r} does nothing here: {' '.join(why.split())[:300]}\n")


def set_up_hooks(libraries: Sequence[str]) -> None:
    """Have the hooks of some libraries called when the libraries have been imported, or now where they have been."""
    wanted = {module: library for library in libraries for module in _MODULES.get(library, ())}
    waited_for = {module: library for module, library in wanted.items() if module not in sys.modules}
    for module in wanted.keys() - waited_for.keys():
        _call_hook(wanted[module], sys.modules[module])
    if waited_for:
        sys.meta_path.insert(0, _PostImport(waited_for))
        sys.meta_path.append(_Launcher)


def _run_hidden_sitecustomize() -> None:
    """Import the next module of this name on the path; keep this one where there is none."""
    ours = sys.modules.pop(__name__, None)
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]
    sys.path_importer_cache.pop(_HERE, None)
    try:
        __import__(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault(__name__, ours)


if __name__ == "sitecustomize":  # not when the launcher's own tests import it
    if os.environ.get("LAUNCHER_LIFELINE"):
        _hold_lifeline(os.environ["LAUNCHER_LIFELINE"])
    set_up_hooks([name.strip() for name in os.environ.get("LAUNCHER_HOOKS", "").split(",")])
    _run_hidden_sitecustomize()
