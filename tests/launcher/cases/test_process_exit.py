"""A worker ends as a script does: threads, atexit, files, exits, streams. And the end is told truly."""

from __future__ import annotations

import gzip

import pytest

from tests.launcher.cases.scripts import launch, why
from tests.launcher.conftest import Workplace
from tests.launcher.faults import endings


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_04_what_a_script_does_at_its_exit_is_done(place: Workplace, method: str) -> None:
    source = """
        import csv, gzip, logging, logging.handlers, weakref, tempfile
        OUT = open("curve_points.csv", "w")
        PACKED = gzip.open("packed.gz", "wt")
        TEMPORARY = tempfile.NamedTemporaryFile(dir=".", prefix="gone-")
        FOLDER = tempfile.TemporaryDirectory(dir=".", prefix="gone-")
        class Tracker:
            def __init__(self, name):
                self.file = open(name, "w")
                self.me = self  # nothing but the collector frees it
        class Owner:
            def __del__(self):
                Path("del.txt").write_text("yes")
        OWNER, TRACKER = Owner(), Tracker("cycle.txt")
        memory = logging.handlers.MemoryHandler(100, target=logging.FileHandler("log.txt"))
        logging.getLogger().addHandler(memory)
        ORDER = []
        atexit.register(lambda: Path("order.txt").write_text(" ".join(ORDER)))
        atexit.register(ORDER.append, "atexit")
        def late():
            time.sleep(0.2)
            ORDER.append("thread")
        def prepare(config):
            return None
        def run(config: dict, run):
            weakref.finalize(Owner, Path("finalize.txt").write_text, "yes")
            for step in range(1, 11):
                OUT.write(f"{step}\\n")
                PACKED.write(f"{step}\\n")
                TRACKER.file.write(f"{step}\\n")
                logging.warning("step %d", step)
                run.log(step, loss=1 / step)
            threading.Thread(target=late).start()
        """
    result = launch(place, source, options=("--start-method", method))
    assert result.code == 0, result.err
    lines = [(place.folder / name).read_text().count("\n") for name in ("curve_points.csv", "cycle.txt", "log.txt")]
    assert lines == [10, 10, 10]
    assert gzip.decompress((place.folder / "packed.gz").read_bytes()).count(b"\n") == 10
    assert (place.folder / "order.txt").read_text() == "thread atexit"
    assert (place.folder / "del.txt").exists()
    assert (place.folder / "finalize.txt").exists()
    assert not list(place.folder.glob("gone-*"))


def test_04_also_where_it_fails_and_in_prepare(place: Workplace) -> None:
    result = launch(
        place,
        """
        OUT = open(f"out-{os.getpid()}.txt", "w")
        OUT.write("buffered")
        atexit.register(lambda: Path(f"exit-{os.getpid()}.txt").write_text("yes"))
        def prepare(config):
            print("prepared")
        def run(config: dict, run):
            raise ValueError("told to fail")
        """,
    )
    assert result.code == 1
    outs = list(place.folder.glob("out-*.txt"))
    assert len(outs) == 2
    assert all(path.read_text() == "buffered" for path in outs)
    assert len(list(place.folder.glob("exit-*.txt"))) == 2


def test_G1_an_exit_in_teardown_is_told(place: Workplace) -> None:
    result = launch(
        place,
        """
        def leave():
            sys.exit(3) if config_of["how"] == "atexit" else os._exit(3)
        config_of = {}
        def run(config: dict, run):
            config_of["how"] = config["name"]
            run.log(1, loss=1.0)
            atexit.register(leave) if config["name"] == "atexit" else threading.Thread(target=leave).start()
            time.sleep(0.1 if config["name"] == "atexit" else 0)
        """,
        "atexit",
        "thread",
    )
    assert result.code == 1
    for name in ("atexit", "thread"):
        told = "\n".join(line for line in result.err.splitlines() if line.startswith(f"{name} failed"))
        assert "exit code 3, in teardown" in told or "exit code 3 and no word" in told, result.err


def test_36_an_exit_with_0_is_a_return(place: Workplace) -> None:
    result = launch(
        place,
        """
        def run(config: dict, run):
            run.log(1, loss=1.0)
            match config["name"]:
                case "zero": sys.exit(0)
                case "nothing": sys.exit()
                case "none": raise SystemExit(None)
                case "text": sys.exit("no data")
                case "three": sys.exit(3)
                case "empty": sys.exit("")
        """,
        *("zero", "nothing", "none", "text", "three", "empty"),
        options=("--parallel",),
    )
    assert result.code == 1
    failed = dict.fromkeys(("text", "three", "empty"), "failed")
    assert endings(place) == dict.fromkeys(("zero", "nothing", "none"), "done") | failed
    assert why(place, "text").startswith("SystemExit: no data (script.py:")
    assert "set aside" not in result.err
    assert "tried" not in result.err


def test_36_an_exit_before_the_function_began_is_a_failure(place: Workplace) -> None:
    result = launch(place, "sys.exit(0)\ndef run(config: dict, run):\n    run.log(1, loss=1.0)\n")
    assert result.code == 2
    assert "SystemExit: 0" in result.err
    assert "script.py:4" in result.err


def test_F14_a_fork_that_comes_back_says_nothing(place: Workplace) -> None:
    result = launch(
        place,
        """
        def run(config: dict, run):
            pid = os.fork()
            if pid == 0:
                if config["name"] == "a":
                    return
                raise ValueError("of the child")
            os.waitpid(pid, 0)
            time.sleep(0.2)
            run.log(1, loss=1.0)
        """,
        "a",
        "b",
    )
    assert result.code == 0, result.err
    assert endings(place) == {"a": "done", "b": "done"}
    for name in "ab":
        assert place.paths.records(name).read_text().count('"end"') == 1


def test_F14_streams_closed_or_replaced_cost_no_training(place: Workplace) -> None:
    names = ("none", "closed", "odd", "raises", "fd", "error")
    result = launch(
        place,
        """
        class Odd:
            def write(self, text): pass
        class Raises:
            def write(self, text): pass
            def flush(self): raise OSError("no")
        def run(config: dict, run):
            run.log(1, loss=1.0)
            match config["name"]:
                case "none": sys.stdout = sys.stderr = None
                case "closed": sys.stdout.close(), sys.stderr.close()
                case "odd": sys.stdout = sys.stderr = Odd()
                case "raises": sys.stdout = sys.stderr = Raises()
                case "fd": os.close(1), os.close(2), print("to nobody")
                case "error":
                    sys.stdout = sys.stderr = sys.__stderr__ = None
                    raise ValueError("told to fail")
        """,
        *names,
        options=("--parallel",),
    )
    assert endings(place) == dict.fromkeys(names[:-1], "done") | {"error": "failed"}, result.err
    assert why(place, "error").startswith("ValueError: told to fail (script.py:")
    assert "ValueError: told to fail" in place.log("error").replace("=== error", "")


def test_36_35_an_exit_is_told_though_the_disk_is_full(place: Workplace) -> None:
    result = launch(
        place,
        """
        import resource
        def run(config: dict, run):
            run.log(1, loss=1.0)
            size = (run.outcome / "records" / f"{run.name}.jsonl").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            sys.exit("no data")
        """,
    )
    assert result.code == 1
    assert "a failed on cpu:0 at step 1: SystemExit: no data (script.py:" in result.err.replace(
        "on cpu at", "on cpu:0 at"
    )
