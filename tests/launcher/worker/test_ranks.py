"""Ranks: which one counts when several fail, how the others end, and where they meet."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from launcher.worker import ranks as module
from launcher.worker.ranks import Ranks, environment, failed_rank, free_port, is_lost_connection, named
from tests.launcher.conftest import wait_for

LOST = "RuntimeError: Connection closed by peer [127.0.0.1]:51804"
Start = Callable[..., Ranks]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes by their programs; they are gone after the test."""
    made: list[tuple[Ranks, list[subprocess.Popen[bytes]]]] = []

    def _start(*programs: str, reasons: dict[int, str] | None = None) -> Ranks:
        processes = [subprocess.Popen([sys.executable, "-c", program]) for program in programs]
        ranks = Ranks([process.pid for process in processes], lambda rank: (reasons or {}).get(rank, ""))
        made.append((ranks, processes))
        return ranks

    yield _start
    for ranks, processes in made:
        for process in processes:
            process.returncode = 0
        ranks.close()


def end(ranks: Ranks) -> None:
    """Tend the ranks until all have ended."""

    def _is_over() -> bool:
        ranks.tend()
        return ranks.is_over

    wait_for(_is_over)


SLEEPS = "import time; time.sleep(60)"
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def test_ranks_that_all_end_well_have_no_failure(start: Start) -> None:
    ranks = start("pass", "pass")
    end(ranks)
    assert ranks.failed is None
    assert ranks.codes == [0, 0]


def test_the_first_that_fails_ends_the_others(start: Start) -> None:
    ranks = start(SLEEPS, "raise SystemExit(3)", reasons={1: "ValueError: broken"})
    end(ranks)
    assert ranks.failed == 1
    assert ranks.codes == [-15, 3]


def test_a_rank_that_ignores_the_signal_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "END_LIMIT_S", 0.2)
    ranks = start(IGNORES, "import time; time.sleep(1); raise SystemExit(3)")
    end(ranks)
    assert ranks.failed == 1
    assert ranks.codes[0] == -9


def test_a_rank_that_has_only_lost_its_connection_is_not_the_one_that_counts(start: Start) -> None:
    ranks = start("raise SystemExit(1)", "import time; time.sleep(1); raise SystemExit(1)", reasons={0: LOST, 1: "bad"})
    end(ranks)
    assert ranks.failed == 1


def test_where_no_rank_says_more_the_first_counts(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REASON_LIMIT_S", 0.1)
    ranks = start("raise SystemExit(1)", SLEEPS, reasons={0: LOST})
    end(ranks)
    assert ranks.failed == 0
    assert ranks.codes == [1, -15]


def test_ranks_that_go_on_after_the_first_is_done_are_ended_in_the_end(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REST_LIMIT_S", 0.1)
    ranks = start("pass", SLEEPS)
    end(ranks)
    assert ranks.failed is None
    assert ranks.codes == [0, -15]


def test_a_stop_reaches_every_rank(start: Start) -> None:
    ranks = start(SLEEPS, SLEEPS)
    ranks.stop()
    end(ranks)
    assert ranks.was_stopped
    assert ranks.codes == [-15, -15]


def test_a_rank_is_told_what_torchrun_would_tell_it() -> None:
    told = environment(1, 4, 4711, "run.1")
    assert (told["RANK"], told["LOCAL_RANK"], told["WORLD_SIZE"], told["LOCAL_WORLD_SIZE"]) == ("1", "1", "4", "4")
    assert (told["MASTER_ADDR"], told["MASTER_PORT"]) == ("127.0.0.1", "4711")


def test_a_rank_is_found_in_the_text_that_names_it() -> None:
    assert named(1, 2, "ValueError: x") == "rank 1 of 2: ValueError: x"
    assert failed_rank("rank 1 of 2: ValueError: x, after step 3") == 1
    assert failed_rank("ValueError: rank 1 of 2: x") is None


@pytest.mark.parametrize(
    ("text", "is_lost"),
    [
        (LOST, True),
        ("DistBackendError: NCCL error: a remote process exiting prematurely", True),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", True),
        ("ValueError: bad data", False),
        ("RuntimeError: CUDA out of memory", False),
        ("", False),
    ],
)
def test_what_a_rank_says_when_another_has_died(text: str, is_lost: bool) -> None:
    assert is_lost_connection(text) is is_lost


def test_a_port_is_free_also_where_the_kernel_has_none_left(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert free_port() != port
    real = socket.socket.bind

    def _bind(self: socket.socket, address: tuple[str, int]) -> None:
        if address[1] == 0:
            raise OSError("address already in use")
        real(self, address)

    class Full(socket.socket):
        bind = _bind

    monkeypatch.setattr(module.socket, "socket", Full)
    assert 29_500 <= free_port() < 32_768
