"""How long `stop` and `retry` wait for the answer of a launcher."""

from __future__ import annotations

import socket

from launcher.cli.commands.control import LIMIT_S, REMOTE_LIMIT_S, answer_limit_s
from launcher.store.locks import Holder


def test_a_launcher_on_another_machine_may_see_the_request_a_minute_later() -> None:
    assert answer_limit_s(Holder(1, socket.gethostname())) == LIMIT_S
    assert answer_limit_s(Holder()) == LIMIT_S
    assert answer_limit_s(Holder(1, "login-2")) == REMOTE_LIMIT_S > 70, "nfs(5): acdirmax"
