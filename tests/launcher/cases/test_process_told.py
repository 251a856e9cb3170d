"""What is told of a worker's end: the user's line, the device that is not at fault, a stop that the target takes."""

from __future__ import annotations

import json
import signal
import subprocess

from launcher.store.requests import make_request, send
from tests.launcher.cases.scripts import launch, why, write
from tests.launcher.conftest import Cards, Workplace, wait_for
from tests.launcher.faults import endings


def test_42_07_31_the_place_of_a_failure_is_the_users_line(place: Workplace) -> None:
    (place.folder / "helper.py").write_text("def parse(text):\n    import json\n    return json.loads(text)\n")
    (place.folder / "broken.py").write_text("def f(:\n")
    names = ("library", "helper", "stdin", "debugger", "syntax", "missing", "cause", "group", "pool", "memory")
    source = """
        import json, asyncio
        import helper
        def give(x): raise ValueError("in the pool")
        def run(config: dict, run):
            run.log(1, loss=1.0)
            match config["name"]:
                case "library": multiprocessing.get_context("nothing")
                case "helper": helper.parse("{")
                case "stdin": input()
                case "debugger": breakpoint()
                case "syntax": import broken
                case "missing": import not_there
                case "cause":
                    try: json.loads("{")
                    except ValueError as error: raise RuntimeError("no data") from error
                case "group": raise ExceptionGroup("two", [KeyError("k"), ValueError("v")])
                case "pool":
                    with multiprocessing.Pool(1) as pool: pool.map(give, [1])
                case "memory":
                    try: raise MemoryError("all of it")
                    except MemoryError as error: raise RuntimeError("step failed") from error
        """
    result = launch(place, source, *names, options=("--parallel",), on_oom="fail")
    lines = [line.strip() for line in (place.folder / "script.py").read_text().splitlines()]

    def line(text: str) -> str:
        return f"(script.py:{next(number for number, code in enumerate(lines, 1) if text in code)})"

    assert endings(place) == dict.fromkeys(names, "failed") | {"memory": "out_of_memory"}, result.err
    expected = {
        "library": ("ValueError: cannot find context", line('case "library"')),
        "helper": ("JSONDecodeError", "(helper.py:3)"),
        "stdin": ("EOFError", line('case "stdin"')),
        "debugger": ("BdbQuit", line('case "debugger"')),
        "syntax": ("SyntaxError: ", "(broken.py:1)"),
        "missing": ("ModuleNotFoundError", line("import not_there")),
        "cause": ("RuntimeError: no data", line("no data")),
        "group": ("ExceptionGroup: two (2 sub-exceptions): KeyError: 'k'", line("ExceptionGroup(")),
        "pool": ("ValueError: in the pool", line("pool.map")),
        "memory": ("RuntimeError: step failed", line("step failed")),
    }
    for name, (begins, ends) in expected.items():
        assert why(place, name).startswith(begins)
        assert why(place, name).endswith(ends)
    assert "set aside" not in result.err


def test_D20_a_crash_in_c_shows_the_users_line(place: Workplace) -> None:
    result = launch(
        place,
        """
        import ctypes, json
        def deep(n):
            return ctypes.string_at(0) if n == 0 else json.loads("[1]", parse_int=lambda _: deep(n - 1))
        def run(config: dict, run):
            for _ in range(3):
                threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
            run.log(1, loss=1.0)
            deep(0 if config["name"] == "a" else 1)
        """,
        "a",
        "b",
    )
    assert endings(place) == {"a": "killed", "b": "killed"}
    shown = [line for line in result.err.splitlines() if line.startswith("  | ")]
    assert len(shown) <= 10
    assert sum("Fatal Python error: Segmentation fault" in line for line in shown) == 1, (
        "the second failure is like the first"
    )
    assert sum("script.py" in line and "in deep" in line for line in shown) >= 1
    assert "multiprocessing" not in "".join(shown)


def test_36_plain_errors_on_gpus_are_not_the_devices_fault(driver: Workplace, cards: Cards) -> None:
    source = """
        def run(config: dict, run):
            match config["name"]:
                case "a" | "b": raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
                case "c": sys.exit("no data")
                case "d": import not_there
        """
    write(driver, source, *"abcd")
    result = driver.launch("job.toml", "--devices", "0,1")
    assert result.code == 1
    assert endings(driver) == dict.fromkeys("abcd", "failed")
    assert "set aside" not in result.err
    assert "tried" not in result.err


STOPS = """
    class Stop(Exception): pass
    def leave(error):
        def handler(*_): raise error
        return handler
    def run(config: dict, run):
        name, flag = config["name"], threading.Event()
        if name != "silent": run.total(2000)
        def chain(number, frame):
            flag.set()
            before(number, frame)
        handlers = {"flag": lambda *_: flag.set(), "silent": lambda *_: flag.set(), "chain": chain,
            "keyboard": leave(KeyboardInterrupt), "zero": leave(SystemExit(0)), "code": leave(SystemExit(143)),
            "own": leave(Stop("told"))}
        before = signal.signal(signal.SIGTERM, handlers[name]) if name in handlers else None
        if name == "default": signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if name == "asyncio":
            import asyncio
            async def train():
                stop = asyncio.Event()
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
                run.log(1, loss=1.0)
                await stop.wait()
            return asyncio.run(train())
        if name == "sigwait":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            run.log(1, loss=1.0)
            return signal.sigwait([signal.SIGTERM])
        for step in range(1, 2001):
            run.log(step, loss=1 / step)
            if flag.is_set():
                if name == "flag": signal.signal(signal.SIGTERM, before)
                return
            time.sleep(0.01)
    """


def stop(place: Workplace, process: subprocess.Popen[str], names: tuple[str, ...]) -> str:
    """Ask each experiment to stop when it has taken three steps; return what the launch said in the end."""
    for name in names:
        wait_for(lambda name=name: len(place.history(name).steps) >= (1 if name in ("asyncio", "sigwait") else 3))
        send(place.paths.requests, make_request("stop", (name,)))
    _, err = process.communicate(timeout=60)
    return err


def test_28_a_target_that_takes_the_signal_is_interrupted(place: Workplace) -> None:
    names = ("flag", "silent", "chain", "keyboard", "zero", "code", "own", "default", "asyncio", "sigwait")
    write(place, STOPS, *names, grace_s=20)
    err = stop(place, place.start("job.toml", "--parallel", "--devices", "cpu"), names)
    assert endings(place) == dict.fromkeys(names, "interrupted"), err


def test_28_what_was_done_before_it_heard_is_done(place: Workplace) -> None:
    names = ("heard", "whole", "unsaid")
    write(
        place,
        """
        def run(config: dict, run):
            name = config["name"]
            if name != "heard": signal.signal(signal.SIGTERM, lambda *_: Path(name + ".told").touch())
            if name == "whole": run.total(3)
            for step in range(1, 4): run.log(step, loss=1 / step)
            if name == "heard":
                while not run.should_save: time.sleep(0.01)
            else:
                while not Path(name + ".told").exists(): time.sleep(0.01)
        """,
        *names,
        checkpoint_s=1000,
    )
    err = stop(place, place.start("job.toml", "--parallel", "--devices", "cpu"), names)
    assert endings(place) == {"heard": "done", "whole": "done", "unsaid": "interrupted"}, err


def test_28_its_checkpoint_stays_and_the_same_command_goes_on(place: Workplace) -> None:
    write(
        place,
        """
        def run(config: dict, run):
            flag = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: flag.set())
            run.total(1000)
            for step in range(1, 1001):
                run.log(step, loss=1 / step)
                time.sleep(0.01)
                if flag.is_set():
                    sys.exit(0)
        """,
    )
    process = place.start("job.toml", "--devices", "cpu")
    start = wait_for(lambda: place.history("a").steps and place.history("a").start)
    checkpoint = place.paths.checkpoints("a") / "step-000000000001.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text(json.dumps({"experiment": "a", "digest": start["digest"], "step": 1}) + "\n")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert endings(place) == {"a": "interrupted"}
    end = place.history("a").end
    assert end is not None
    assert end["ending"] == "interrupted", "also where no launcher lives to see it"
    assert checkpoint.exists()
    assert "resume a" in place.launch("plan", "job.toml", "--devices", "cpu").out
