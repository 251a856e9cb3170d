"""What becomes of a fork server that dies, falls silent or cannot import, with fork servers that are fakes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from launcher.errors import InputError, LauncherError
from launcher.executors import server_supervisor
from launcher.executors.forkserver import ServerDied, ServerSilent
from launcher.executors.server_supervisor import (
    FORK_LIMIT_S,
    IMPORT_LIMIT_S,
    MAX_DEATHS,
    PAUSE_S,
    SILENCE_LIMIT_S,
    ServerSupervisor,
)


class FakeServer:
    """A fork server that is as a test sets it."""

    def __init__(self) -> None:
        self.importing = "torch"
        self.is_ready = True
        self.is_silent = False
        self.failure = ""
        self.death = ""  # how it dies at the next look
        self.limits_s: list[float] = []
        self.has_ended = False

    def advance(self, limit_s: float = 0.0) -> None:
        if self.death:
            raise ServerDied(self.death)

    def fork(self, request: bytes, lifeline: int, inherited: Sequence[int], limit_s: float) -> tuple[int, int]:
        self.limits_s.append(limit_s)
        if self.is_silent:
            raise ServerSilent
        return 11, 12

    def end(self) -> None:
        self.has_ended = True


class Supervised:
    """A supervisor, a clock, and the servers that it has started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.servers: list[FakeServer] = []
        self.kept: list[FakeServer] = []
        self.warnings: list[str] = []
        self.now_s = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(server_supervisor.forkserver, "take", self._take)
        monkeypatch.setattr(server_supervisor.forkserver, "give_back", self.kept.append)
        self.supervisor = ServerSupervisor(["torch"], self.warnings.append)

    def _take(self, modules: Sequence[str]) -> FakeServer:
        self.servers.append(FakeServer())
        return self.servers[-1]

    def fork(self) -> int:
        return self.supervisor.fork(b"", 3, [])[0]


@pytest.fixture
def supervised(monkeypatch: pytest.MonkeyPatch) -> Supervised:
    made = Supervised(monkeypatch)
    made.supervisor.warm_up()
    return made


def test_a_worker_is_forked_when_the_server_has_imported_everything(supervised: Supervised) -> None:
    supervised.servers[0].is_ready = False
    assert not supervised.supervisor.is_ready()
    with pytest.raises(ServerSilent):
        supervised.fork()
    supervised.servers[0].is_ready = True
    assert supervised.supervisor.is_ready()
    assert supervised.fork() == 11


def test_a_server_that_dies_is_told_and_replaced_after_a_pause(supervised: Supervised) -> None:
    supervised.servers[0].death = "was killed by SIGKILL"
    assert not supervised.supervisor.is_ready()
    assert supervised.warnings == ["the fork server was killed by SIGKILL: another is started."]
    assert supervised.servers[0].has_ended
    assert not supervised.supervisor.is_ready()
    assert len(supervised.servers) == 1, "not at once"
    supervised.now_s += PAUSE_S
    assert not supervised.supervisor.is_ready()
    assert supervised.supervisor.is_ready()
    assert len(supervised.servers) == 2


def test_servers_that_die_one_after_another_end_the_launch(supervised: Supervised) -> None:
    for number in range(MAX_DEATHS - 1):
        supervised.servers[number].death = "was killed by SIGKILL"
        supervised.supervisor.is_ready()
        supervised.now_s += PAUSE_S * 2**number
        supervised.supervisor.is_ready()
    supervised.servers[-1].death = "was killed by SIGKILL"
    with pytest.raises(LauncherError, match="It was number 5 in a row, so nothing more is started"):
        supervised.supervisor.is_ready()


def test_a_fork_shows_that_the_deaths_before_were_no_rule(supervised: Supervised) -> None:
    for number in range(2 * MAX_DEATHS):
        supervised.servers[number].death = "was killed by SIGKILL"
        supervised.supervisor.is_ready()
        supervised.now_s += PAUSE_S
        supervised.supervisor.is_ready()
        supervised.fork()


@pytest.mark.parametrize(
    ("failure", "how", "why"),
    [
        ("ImportError: no such module", "ended with exit code 1", "ImportError: no such module"),
        ("", "ended with exit code 3", "the process ended with exit code 3"),  # a module called os._exit
    ],
)
def test_a_module_that_cannot_be_imported_is_the_users_to_mend(
    supervised: Supervised, failure: str, how: str, why: str
) -> None:
    server = supervised.servers[0]
    server.is_ready, server.failure, server.death = False, failure, how
    with pytest.raises(InputError, match=rf"sweep\.preload: importing torch failed: {why}"):
        supervised.supervisor.is_ready()


def test_a_server_that_is_killed_while_it_imports_is_replaced(supervised: Supervised) -> None:
    supervised.servers[0].is_ready, supervised.servers[0].death = False, "was killed by SIGKILL"
    assert not supervised.supervisor.is_ready()
    assert supervised.warnings == ["the fork server was killed by SIGKILL as it imported torch: another is started."]


def test_an_import_that_takes_for_ever_is_told(supervised: Supervised) -> None:
    supervised.servers[0].is_ready = False
    supervised.now_s += IMPORT_LIMIT_S
    assert not supervised.supervisor.is_ready()
    supervised.now_s += 1
    with pytest.raises(InputError, match="importing torch takes more than 600 s"):
        supervised.supervisor.is_ready()


def test_a_silent_server_gets_more_time_for_each_fork_and_is_replaced_in_the_end(supervised: Supervised) -> None:
    server = supervised.servers[0]
    server.is_silent = True
    for _ in range(6):
        with pytest.raises(ServerSilent):
            supervised.fork()
    assert server.limits_s == [FORK_LIMIT_S, 2, 4, 8, 15, 15]
    assert not supervised.supervisor.is_ready()
    supervised.now_s += SILENCE_LIMIT_S
    assert not supervised.supervisor.is_ready()
    assert not server.has_ended
    supervised.now_s += 1
    assert not supervised.supervisor.is_ready()
    assert server.has_ended
    assert supervised.warnings == ["the fork server was silent for 30 s and is killed: another is started."]


def test_a_server_that_answers_again_is_kept(supervised: Supervised) -> None:
    server = supervised.servers[0]
    for _ in range(3):
        server.is_silent = True
        supervised.supervisor.is_ready()
        supervised.now_s += SILENCE_LIMIT_S
        server.is_silent = False
        assert supervised.supervisor.is_ready()
    assert len(supervised.servers) == 1


@pytest.mark.parametrize(
    ("is_kept", "is_ready", "is_left"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_at_the_end_a_server_that_is_ready_is_kept_for_the_next_launch(
    supervised: Supervised, is_kept: bool, is_ready: bool, is_left: bool
) -> None:
    server = supervised.servers[0]
    server.is_ready = is_ready
    supervised.supervisor.close(is_kept=is_kept)
    assert (supervised.kept == [server]) is is_left
    assert server.has_ended is not is_left


def test_a_server_that_was_handed_over_is_the_workers(supervised: Supervised) -> None:
    supervised.fork()
    supervised.supervisor.hand_over()
    supervised.supervisor.close(is_kept=False)
    assert not supervised.servers[0].has_ended
