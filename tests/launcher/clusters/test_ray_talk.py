"""The talk with the driver of Ray, by drivers that hang, die and answer nonsense."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from launcher.child_process import start_program
from launcher.clusters.base import NotHeard
from launcher.clusters.ray_start import RayDriver, Start
from launcher.clusters.ray_talk import DriverProblem, DriverTalk
from tests.launcher.conftest import wait_for

ECHO = 'print(json.dumps({"answer": [os.getpid(), json.loads(line)]}), flush=True)'


def driver(code: str) -> Start:
    """Return what starts a driver that runs `code` for each request, which is in `line`."""
    program = f"import json, os, sys, time\nfor line in sys.stdin:\n    {code}\n"

    def _start() -> RayDriver:
        errors = tempfile.TemporaryFile()  # noqa: SIM115  # until the driver is ended
        words = [sys.executable, "-c", program]
        return RayDriver(start_program(words, stdout=subprocess.PIPE, stderr=errors.fileno()), errors)

    return _start


@contextmanager
def talk(code: str, limit_s: float = 30.0) -> Iterator[DriverTalk]:
    with closing(DriverTalk(driver(code), limit_s=limit_s)) as made:
        yield made


def test_requests_are_answered_in_order_by_one_driver() -> None:
    with talk(ECHO) as talking:
        answers = [talking.ask({"ask": number}) for number in range(3)]
    assert [answer[1] for answer in answers] == [{"ask": number} for number in range(3)]
    assert len({answer[0] for answer in answers}) == 1


def test_a_request_and_an_answer_larger_than_any_pipe_pass() -> None:
    many = ["x" * 100] * 20_000
    with talk(ECHO) as talking:
        assert talking.ask({"ask": many})[1] == {"ask": many}


def test_a_problem_of_the_driver_is_told_with_its_kind() -> None:
    with (
        talk('print(json.dumps({"problem": "versions", "text": "2.9\\x1b[31m"}), flush=True)') as talking,
        pytest.raises(DriverProblem, match=r"2\.9\\x1b") as told,
    ):
        talking.ask({"ask": "check"})
    assert told.value.kind == "versions"


@pytest.mark.slow
def test_a_driver_that_says_nothing_is_not_heard_and_the_next_request_has_another() -> None:
    code = f'time.sleep(1000) if "hang" in line else {ECHO}'
    with talk(code, limit_s=5.0) as talking:
        first = talking.ask({"ask": "a"})[0]
        with pytest.raises(NotHeard, match="not answered within 5 s"):
            talking.ask({"ask": "hang"})
        assert talking.ask({"ask": "b"})[0] != first
        assert not os.path.exists(f"/proc/{first}")


@pytest.mark.parametrize(
    "code",
    [
        'print("what?", flush=True)',
        'print("[1, 2]", flush=True)',
        'print("{}", flush=True)',
        'os.write(1, b"\\xff\\xfe\\n")',
    ],
    ids=["text", "list", "empty", "bytes"],
)
def test_nonsense_is_not_heard(code: str) -> None:
    with talk(code) as talking, pytest.raises(NotHeard, match="gave no answer"):
        talking.ask({"ask": "poll"})


def test_a_driver_that_dies_is_not_heard_with_its_last_words() -> None:
    code = 'print("Traceback …\\nImportError: no such thing", file=sys.stderr); sys.exit(1)'
    with talk(code) as talking, pytest.raises(NotHeard, match="has ended: ImportError: no such thing"):
        talking.ask({"ask": "poll"})


def test_a_driver_that_was_killed_between_two_requests_is_replaced() -> None:
    with talk(ECHO) as talking:
        first = talking.ask({"ask": "a"})[0]
        os.kill(first, signal.SIGKILL)
        assert talking._driver is not None
        wait_for(lambda: talking._driver and talking._driver.child.process.poll() is not None)
        assert talking.ask({"ask": "b"})[0] != first


def test_a_driver_that_cannot_be_started_is_not_heard() -> None:
    def _start() -> RayDriver:
        raise OSError("no room for another process")

    with closing(DriverTalk(_start)) as talking, pytest.raises(NotHeard, match="no room"):
        talking.ask({"ask": "check"})


def test_the_driver_of_ray_dies_with_the_launcher() -> None:
    code = (
        "import sys, time\nfrom tests.launcher.clusters.test_ray_talk import ECHO, DriverTalk, driver\n"
        "print(DriverTalk(driver(ECHO)).ask({'ask': 1})[0], flush=True)\ntime.sleep(1000)"
    )
    launcher = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=os.getcwd())
    assert launcher.stdout is not None
    pid = int(launcher.stdout.readline())
    launcher.kill()
    launcher.wait()
    launcher.stdout.close()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


def test_without_ray_the_real_driver_says_that_it_is_missing() -> None:
    """The driver finds no Ray: a module of that name comes first, which cannot be imported."""
    code = (
        "import sys; sys.modules['ray'] = None; sys.argv[1:] = ['auto']\n"
        "from launcher.clusters import ray_driver; ray_driver.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b'{"ask": "check"}\n', capture_output=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["problem"] == "missing"
