"""The worker: the child process that runs one attempt of one experiment and exits. Nothing here runs in the launcher.

Its first lines make up for what a fork server gives a child: the server's environment, terminal and signal settings.
    1. its own session, so that the whole process group can be ended and the terminal's Ctrl-C does not reach it
    2. the kernel is told to kill that group when the launcher dies (`lifeline`)
    3. stdout and stderr go to the experiment's log, at descriptor level; faulthandler writes there too
    4. its environment, before anything touches CUDA; its share of CPU threads
Then it imports the target, runs it, and says how it ended in the last record. Importing this module must stay cheap.
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
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from launcher import fields, last_word, target
from launcher.checkpoints import Checkpoints
from launcher.contract import Diverged, Run
from launcher.errors import InputError, LauncherError
from launcher.files import open_to_append
from launcher.lifeline import die_with_holder
from launcher.records import RecordWriter
from launcher.resolved import HOW_TO_MEND, Difference, Resolved, differing
from launcher.share import Share
from launcher.spec import Spec

STACKS_SIGNAL = signal.SIGUSR2  # makes a worker write the stacks of all its threads into its log, and end
OOM_SCORE = "500"  # when memory runs out the kernel ends a worker, not the launcher
_OURS = str(Path(__file__).parent)
_MESSAGE_LIMIT = 500
_UNLIKE = "is not what it was where the configuration was checked: another in each process, or at each time."
_OUT_OF_MEMORY = ("can't allocate memory", "CUDA out of memory", "Cannot allocate memory")  # torch's RuntimeErrors


def isolate(log: Path, environment: dict[str, str]) -> None:
    """Give this process its own session, death with the launcher, output into `log`, and environment."""
    os.setsid()
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is started by multiprocessing"
    # The pipe this process was started through: under a number that the log below does not take, as it may be 2.
    die_with_holder(fcntl.fcntl(int(parent.sentinel), fcntl.F_DUPFD_CLOEXEC, 3))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGHUP])
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        fd = open_to_append(log)
    except OSError:  # training does not depend on its log
        fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    sys.stdout = _text_to(1)
    sys.stderr = _text_to(2)
    Finalize(None, _end_children, exitpriority=-100)  # the last thing multiprocessing does in this process
    faulthandler.enable(file=2)
    # In C, so it needs no interpreter lock; chained to the default action, so the process ends with it.
    faulthandler.register(STACKS_SIGNAL, file=2, all_threads=True, chain=True)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write(OOM_SCORE)
    os.environ.update(environment)


def _end_children() -> None:
    """Ask what is left of this process's group to end: should the launcher die with it, nobody else would."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would take the end of a loader process for an error
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)


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
    """Run one attempt. Exit code 0: it is done or was stopped; 1: it failed. The last record says more."""
    isolate(spec.paths.log(spec.experiment), spec.environment)
    os.set_blocking(bell.fileno(), False)
    pid = os.getpid()
    try:
        writer = RecordWriter(spec.paths.records(spec.experiment), spec.attempt, bell.fileno())
        where = {"device": spec.device, "threads": spec.threads}
        writer.write({"kind": "start", "digest": spec.digest, "pid": pid} | where)
        # By a descriptor, so that checkpoints stay with the records where the folder is renamed meanwhile.
        outcome = os.open(spec.paths.outcome, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        last_word.send(bell.fileno(), {"ending": "failed", "error": f"its records cannot be written: {error}"})
        sys.exit(last_word.EXIT_CODE)
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
        share=Share(share.fileno()) if share else None,
    )
    signal.signal(signal.SIGTERM, lambda _signal, _frame: run.ask_to_stop())
    last: dict[str, Any]
    try:
        _train(spec, run)
        _leave_if_forked(pid)
        if run.divergence:  # which the target has caught, or met in a thread
            last = {"ending": "diverged", "error": f"Diverged: {run.divergence}"}
        else:
            writer.write({"kind": "phase", "phase": "in teardown"})
            last = {"ending": "interrupted" if run.was_stopped else "done"}
    except BaseException as error:  # noqa: BLE001  the worker's outermost frame: whatever it was becomes the last record
        _leave_if_forked(pid, error)
        last = {"ending": _kind(error), "error": _describe(error)}
        _print_trace(error)
    is_written = _say(last, writer, bell)
    sys.stdout.flush()
    sys.stderr.flush()
    if "error" in last or not is_written:
        sys.exit(1 if is_written else last_word.EXIT_CODE)


def _say(last: dict[str, Any], writer: RecordWriter, bell: Connection) -> bool:
    """Write the last record; return whether that succeeded. If not, the launcher is told by the bell."""
    lost = {"unwritten": writer.num_unwritten, "unwritten_why": str(writer.error)} if writer.num_unwritten else {}
    try:
        writer.write({"kind": "end"} | last | lost | _peak_memory())
    except OSError as error:
        unsaid = {"ending": "failed", "error": f"its last record could not be written: {error}"}
        last_word.send(bell.fileno(), last if "error" in last else unsaid)
        return False
    writer.ring()
    return True


def _leave_if_forked(pid: int, error: BaseException | None = None) -> None:
    """Exit if this is not the worker but a child that the target has forked and that came out of the target like it.

    The last record is the worker's to write. The child ends as after a fork: at once, with what it has printed.
    """
    if os.getpid() == pid:
        return
    code = 0 if error is None else 1
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        code = error.code or 0
    elif error is not None:
        _print_trace(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the target's own, in whatever state
            stream.flush()
    os._exit(code & 0xFF)


def prepare(specs: list[Spec], answer: Connection) -> None:
    """Import the target once and let it check every configuration (`prepare(config)` beside the target function).

    Sends one UTF-8 message: empty if all is well, else the problems.
    """
    isolate(specs[0].paths.prepare_log, specs[0].environment | {"CUDA_VISIBLE_DEVICES": ""})
    pid = os.getpid()
    problems: dict[str, list[str]] = {}
    for spec in specs:
        try:
            with target.importable(_target(spec)):
                cls = target.config_class(_target(spec))
                hook = getattr(sys.modules[_target(spec).module], "prepare", None)
                config, unlike = _config(cls, spec)
                if unlike:
                    raise InputError(f"{', '.join(one.name for one in unlike)} {_UNLIKE}\n  {HOW_TO_MEND}")
                if callable(hook):
                    with contextlib.chdir("."):  # the next is called where this was
                        hook(config)
        except (LauncherError, ValueError, OSError) as error:  # the user's data or configuration
            problems.setdefault(str(error), []).append(spec.experiment)
        except BaseException as error:  # noqa: BLE001  the user's code: its own trace is in the log
            _print_trace(error)
            problems.setdefault(f"{_describe(error)}\n  The trace: {spec.paths.prepare_log}", []).append(
                spec.experiment
            )
        _leave_if_forked(pid)
    lines = [f"{', '.join(names)}: {problem}" for problem, names in problems.items()]
    answer.send_bytes("\n".join(lines).encode())
    answer.close()


def _config(cls: type, spec: Spec) -> tuple[Any, list[Difference]]:
    """Make the configuration from what was given, as `Config(**given)` would, and say what is not as recorded."""
    if cls is dict:
        return spec.given, []
    config = fields.build(cls, spec.given)
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
    # A DataLoader would otherwise start a fork server of its own in here and import torch again.
    torch.multiprocessing.set_start_method("fork", force=True)


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


def _kind(error: BaseException) -> str:
    """Tell a want of memory, on the GPU or the host, and divergence from other failures."""
    if isinstance(error, Diverged):
        return "diverged"
    torch = sys.modules.get("torch")
    out_of_memory = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    is_allocator = isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)
    return "out_of_memory" if isinstance(error, out_of_memory) or is_allocator else "failed"


def _peak_memory() -> dict[str, int]:
    peak = {"peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        peak["peak_gpu_memory_bytes"] = int(torch.cuda.max_memory_reserved())
    return peak


def _describe(error: BaseException) -> str:
    """Return one line: the error, and where in the user's code it was raised."""
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OURS)]
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return message.splitlines()[0][:_MESSAGE_LIMIT] + place


def _print_trace(error: BaseException) -> None:
    """Print the traceback, from the first frame that is not the launcher's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)
