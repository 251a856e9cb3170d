"""The worker: the child process that runs one attempt of one experiment and exits. Nothing here runs in the launcher.

Its first lines make up for what a fork server gives a child: the server's environment, terminal and signal settings.
    1. its own session, so that the whole process group can be ended and the terminal's Ctrl-C does not reach it
    2. the kernel is told to kill that group when the launcher dies (`child_process`)
    3. stdout and stderr go to the experiment's log, at descriptor level; faulthandler writes there too
    4. its environment, before anything touches CUDA; its share of CPU threads
    5. to the code in it, and its children, it is an ordinary process (`ordinary`)
Then it imports the target, runs it, says how it ended in the last record, and leaves as a script does (`leaving`).
Importing this module must stay cheap.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import inspect
import io
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from launcher.child_process import die_with_launcher
from launcher.config import validation
from launcher.config.resolved import HOW_TO_MEND, Difference, Resolved, differing
from launcher.errors import InputError, LauncherError
from launcher.store.checkpoints import Checkpoints
from launcher.store.ending import EndingKind
from launcher.store.files import open_to_append
from launcher.store.history import read_history
from launcher.store.records import RecordWriter
from launcher.worker import last_word, target
from launcher.worker.failure import describe, is_out_of_memory, print_trace, trace_of
from launcher.worker.leaving import exit_code, leave, remember_modules
from launcher.worker.ordinary import become_ordinary
from launcher.worker.run import Diverged, Run
from launcher.worker.spec import Spec
from launcher.worker.stop_signal import StopSignal, breaks_off, is_from_handler
from launcher.worker.thread_budget import ThreadBudget

STACKS_SIGNAL = signal.SIGUSR2  # makes a worker write the stacks of all its threads into its log, and end
OOM_SCORE = "500"  # when memory runs out the kernel ends a worker, not the launcher
_UNLIKE = "is not what it was where the configuration was checked: another in each process, or at each time."


def isolate(log: Path, environment: dict[str, str]) -> None:
    """Give this process its own session, death with the launcher, output into `log`, and environment."""
    os.setsid()
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is started by multiprocessing"
    # The pipe this process was started through: under a number that the log below does not take, as it may be 2.
    die_with_launcher(fcntl.fcntl(int(parent.sentinel), fcntl.F_DUPFD_CLOEXEC, 3))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # drops what came before this session was one
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGHUP])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _use_log(log)
    faulthandler.enable(file=2)
    # In C, so it needs no interpreter lock; chained to the default action, so the process ends with it.
    faulthandler.register(STACKS_SIGNAL, file=2, all_threads=True, chain=True)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write(OOM_SCORE)
    os.environ.update(environment)
    remember_modules()


def _use_log(log: Path) -> None:
    """Have stdout and stderr go to the log, and stdin be empty: here, and in the programs that the target starts."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        fd = open_to_append(log)
    except OSError:  # training does not depend on its log
        fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    with contextlib.suppress(OSError):  # multiprocessing opens it so that no program inherits it
        os.set_inheritable(0, True)
    sys.stdout, sys.stderr = _text_to(1), _text_to(2)
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))


def _forget_stacks() -> None:
    """In a forked child: give back a signal that this process uses, unless the target has a handler of its own."""
    if signal.getsignal(STACKS_SIGNAL) == signal.SIG_DFL:
        faulthandler.unregister(STACKS_SIGNAL)


class _Lossy(io.FileIO):
    """A file that takes everything: a full disk must not end training because of a print."""

    def write(self, data: Any) -> int:
        """Write what can be written and claim all of it."""
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def _text_to(fd: int) -> io.TextIOWrapper:
    buffered = io.BufferedWriter(_Lossy(fd, "w", closefd=False))
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def main(spec: Spec, bell: Connection, device_lock: Connection | None, share: Connection | None) -> None:
    """Run one attempt and end the process. Exit code 0: it is done or was stopped; 1: it failed. The last record says
    more.
    """
    isolate(spec.paths.log(spec.experiment), spec.environment)
    os.set_blocking(bell.fileno(), False)
    pid = os.getpid()
    try:
        writer = RecordWriter(_records(spec), spec.attempt, bell.fileno())
        where = {"device": spec.device, "threads": spec.threads}
        writer.write({"kind": "start", "digest": spec.digest, "pid": pid} | where)
        # By a descriptor, so that checkpoints stay with the records where the folder is renamed meanwhile.
        outcome = os.open(spec.paths.outcome, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        last_word.send(bell.fileno(), {"ending": EndingKind.FAILED, "error": f"its records cannot be written: {error}"})
        leave(last_word.EXIT_CODE)
    checkpoints = replace(spec.paths, outcome=Path(f"/proc/self/fd/{outcome}")).checkpoints(spec.experiment)
    run = Run(
        name=spec.experiment,
        seed=spec.seed,
        attempt=spec.attempt,
        device=spec.device,
        outcome=spec.paths.outcome,
        writer=writer,
        checkpoints=Checkpoints(checkpoints, spec.experiment, spec.state_digest),
        checkpoint_s=spec.checkpoint_s,
        watched=spec.watched,
        stop_after=spec.stop_after,
        share=ThreadBudget(share.fileno()) if share else None,
    )
    stop = StopSignal(run.ask_to_stop)
    become_ordinary(stop.forget, _forget_stacks)
    failure: BaseException | None = None
    try:
        _train(spec, run)
        if os.getpid() == pid and not run.divergence:
            writer.write({"kind": "phase", "phase": "in teardown"})
    except BaseException as error:  # noqa: BLE001  the worker's outermost frame: whatever it was becomes the last record
        failure = error
    if os.getpid() != pid:  # a fork that the target made, and that came back: only the worker says how it ended
        leave(_code_of_fork(failure), has_children=False)
    last = _last_word(spec, run, stop, failure)
    is_written = _say(last, writer, bell)
    del failure  # its frames hold what the target has used
    leave((1 if "error" in last else 0) if is_written else last_word.EXIT_CODE)


def _say(last: dict[str, Any], writer: RecordWriter, bell: Connection) -> bool:
    """Write the last record; return whether that succeeded. If not, the launcher is told by the bell."""
    lost = {"unwritten": writer.num_unwritten, "unwritten_why": str(writer.error)} if writer.num_unwritten else {}
    try:
        writer.write({"kind": "end"} | last | lost | _peak_memory())
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(2, str(last.get("trace", "")).encode("utf-8", "backslashreplace"))
        unsaid = {"ending": EndingKind.FAILED, "error": f"its last record could not be written: {error}"}
        word = {key: str(last[key]) for key in ("ending", "error")} if "error" in last else unsaid
        last_word.send(bell.fileno(), word)
        return False
    writer.ring()
    return True


def _last_word(spec: Spec, run: Run, stop: StopSignal, failure: BaseException | None) -> dict[str, Any]:
    """Return what an attempt's last record says: that it is done, or was stopped, or its error."""
    has_left = breaks_off(failure) if failure else not run.divergence  # else a fault, whatever was asked before
    is_short = failure is not None or (stop.was_taken and not read_history(_records(spec)).has_all_steps)
    if has_left and (run.was_stopped or (stop.was_taken and is_short)):
        return {"ending": EndingKind.INTERRUPTED}
    heard = {"heard": True} if stop.was_heard else {}
    if failure is None and run.divergence:  # which the target has caught, or met in a thread
        return {"ending": EndingKind.DIVERGED, "error": f"Diverged: {run.divergence}"}
    if failure is None:
        return {"ending": EndingKind.DONE} | heard
    said = {"ending": _kind(failure), "error": describe(failure, _homes(spec)), "trace": trace_of(failure)}
    return said | ({"left": True} if has_left else {}) | heard


def _records(spec: Spec) -> Path:
    return spec.paths.records(spec.experiment)


def _code_of_fork(failure: BaseException | None) -> int:
    if isinstance(failure, SystemExit):
        return exit_code(failure)
    if failure is not None:
        print_trace(failure)
    return 1 if failure else 0


def prepare(specs: list[Spec], answer: Connection) -> None:
    """Import the target once, let it check every configuration (`prepare(config)` beside it), and end the process.

    Sends one UTF-8 message: empty if all is well, else the problems.
    """
    isolate(specs[0].paths.prepare_log, specs[0].environment | {"CUDA_VISIBLE_DEVICES": ""})
    become_ordinary(_forget_stacks)
    pid = os.getpid()
    problems: dict[str, list[str]] = {}
    for spec in specs:
        failure: BaseException | None = None
        try:
            _check(spec)
        except (LauncherError, ValueError, OSError) as error:  # the user's data or configuration
            problems.setdefault(str(error), []).append(spec.experiment)
        except BaseException as error:  # noqa: BLE001  the user's code: its own trace is in the log
            failure = error
        if os.getpid() != pid:
            leave(_code_of_fork(failure), has_children=False)
        if failure is not None:
            print_trace(failure)
            problem = f"{describe(failure, _homes(spec))}\n  The trace: {spec.paths.prepare_log}"
            problems.setdefault(problem, []).append(spec.experiment)
    del failure
    lines = [f"{', '.join(names)}: {problem}" for problem, names in problems.items()]
    answer.send_bytes("\n".join(lines).encode(errors="backslashreplace"))
    answer.close()
    leave(0)


def _check(spec: Spec) -> None:
    with target.importable(_target(spec)):
        cls = target.config_class(_target(spec))
        hook = getattr(sys.modules[_target(spec).module], "prepare", None)
        config, unlike = _config(cls, spec)
        if unlike:
            raise InputError(f"{', '.join(one.name for one in unlike)} {_UNLIKE}\n  {HOW_TO_MEND}")
        if callable(hook):
            with contextlib.chdir("."), _exit_is_return():  # the next is called where this was
                hook(config)


@contextlib.contextmanager
def _exit_is_return() -> Iterator[None]:
    """Take an exit that means that all is well, as a script's last line may be one, for a return."""
    try:
        yield
    except SystemExit as error:
        is_well = error.code is None or (isinstance(error.code, int) and error.code == 0)
        if not is_well or is_from_handler(error):
            raise


def _config(cls: type, spec: Spec) -> tuple[Any, list[Difference]]:
    """Make the configuration from what was given, as `Config(**given)` would, and say what is not as recorded."""
    if cls is dict:
        return spec.given, []
    config = validation.build(cls, spec.given)
    return config, differing(Resolved(spec.config), config, spec.given)


def _target(spec: Spec) -> target.Target:
    return target.Target(spec.target, spec.folder, None)


def _train(spec: Spec, run: Run) -> None:
    with target.importable(_target(spec)):
        _use_threads(spec.threads)
        _check_device(spec)
        found = _target(spec)
        function = target.load_function(found)
        _use_threads(spec.threads)  # again: the target may have been the first to import torch
        _check_identity(spec)
        cls = target.config_class(found)
        config, unlike = _config(cls, spec)
        if unlike:
            changes = ", ".join(f"{one.name} ({one})" for one in unlike)
            raise InputError(f"{changes} {_UNLIKE}\n  {HOW_TO_MEND}")
        result = None
        with _exit_is_return():
            result = function(config, run)
        if inspect.iscoroutine(result) or inspect.isgenerator(result):
            raise TypeError(
                f"{spec.target} returned a {type(result).__name__} and has trained nothing: make it a plain def"
            )


def _use_threads(threads: int) -> None:
    """Bind torch, if it is loaded, to its share: the fork server's torch has read its environment long ago."""
    if (torch := sys.modules.get("torch")) is None:
        return
    torch.set_num_threads(threads)


def _check_device(spec: Spec) -> None:
    """Make sure that CUDA has not been touched before this process chose its device."""
    if (torch := sys.modules.get("torch")) is None:
        return
    assert not torch.cuda.is_initialized(), "CUDA was initialised before the worker chose its device"
    assert not torch.cuda._is_in_bad_fork(), "the fork server initialised CUDA; preload nothing that does"
    if spec.device == "cuda" and torch.cuda.device_count() != 1:
        raise LauncherError(
            f"this worker should see one GPU, CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES')}, "
            f"but torch {torch.__version__} sees {torch.cuda.device_count()}.\n"
            "  Likely cause: a torch built without CUDA, or a driver too old for it. Compare nvidia-smi and "
            "python -c 'import torch; print(torch.version.cuda)'."
        )


def _check_identity(spec: Spec) -> None:
    """Make sure that the device torch has given this process is the one the log says it is.

    Not checked where it cannot be: which UUID CUDA tells of a MIG instance, its own or its card's, depends on the
    version; of an AMD card none is known here; a target that imports torch only later is past this point then. What
    binds all of them is the environment.
    """
    torch = sys.modules.get("torch")
    if torch is None or not spec.uuid.startswith("GPU-") or torch.version.hip:
        return
    seen = torch.cuda.get_device_properties(0)
    uuid = str(getattr(seen, "uuid", ""))  # torch tells it since 2.4, without NVML's prefix
    if uuid:
        is_same = uuid.removeprefix("GPU-").lower() == spec.uuid.removeprefix("GPU-").lower()
    else:
        is_same = seen.name.removeprefix("NVIDIA ") == spec.device_name.removeprefix("NVIDIA ")
    if not is_same:
        raise LauncherError(
            f"this worker was given {spec.device_name} {spec.uuid}, but CUDA shows it {seen.name} {uuid}.\n"
            "  Likely cause: something that is imported sets CUDA_VISIBLE_DEVICES or touches CUDA. Take that out."
        )


def _kind(error: BaseException) -> EndingKind:
    """Tell a want of memory and divergence from other failures."""
    if isinstance(error, Diverged):
        return EndingKind.DIVERGED
    return EndingKind.OUT_OF_MEMORY if is_out_of_memory(error) else EndingKind.FAILED


def _homes(spec: Spec) -> list[str]:
    """Return where the user's own code lies: the job's folder, then the target's package or file."""
    top = sys.modules.get(spec.target.partition(":")[0].partition(".")[0])
    packages = [folder + os.sep for folder in getattr(top, "__path__", [])]
    return [f"{spec.folder.resolve()}{os.sep}", *(packages or [str(getattr(top, "__file__", None) or os.devnull)])]


def _peak_memory() -> dict[str, int]:
    peak = {"peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        peak["peak_gpu_memory_bytes"] = int(torch.cuda.max_memory_reserved())
    return peak
