"""What a launch needs to speak to a person. `launcher.terminal.console` fulfils it on a terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from launcher.devices.slots import Slot
from launcher.engine.snapshot import Snapshot
from launcher.planning.plan import Plan

MessageKind = Literal["routine", "done", "news", "failure"]  # who asks for quiet gets the last two


class Console(Protocol):
    """Takes the messages of a launch and shows how it stands. Nothing here may wait for a reader."""

    def message(self, text: str, kind: MessageKind = "news", /) -> None:
        """Say something, in one line or more."""

    def begin(self, plan: Plan, slots: Sequence[Slot], /) -> None:
        """Take in what will run and where, before the first worker starts."""

    def show(self, snapshot: Callable[[], Snapshot], /) -> None:
        """Renew what shows how the launch stands, if it is time to; called several times a second."""

    def on_signal(self, number: signal.Signals, /) -> None:
        """Take in a signal that came to the launcher."""

    def close(self) -> None:
        """Write what is left to be written; no other call follows."""
