"""What a launch needs to speak to a person; `terminal/console.py` does it on a terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from launcher.devices.slots import Slot
from launcher.engine.snapshot import Snapshot
from launcher.planning.plan import Plan

MessageKind = Literal["routine", "done", "news", "failure"]  # with --quiet only the last two are shown


class Console(Protocol):
    """Takes the messages of a launch and shows its progress. No method may wait for a reader."""

    def message(self, text: str, kind: MessageKind = "news", /) -> None:
        """Tell the user something, in one or more lines."""

    def begin(self, plan: Plan, slots: Sequence[Slot], /) -> None:
        """Take the plan and the slots, before the first worker starts."""

    def show(self, snapshot: Callable[[], Snapshot], /) -> None:
        """Show the progress again, if it is time to. Called several times a second."""

    def on_signal(self, number: signal.Signals, /) -> None:
        """Take a signal that came to the launcher."""

    def close(self) -> None:
        """Write the rest; no other call follows."""
