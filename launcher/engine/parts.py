"""The parts of one launch for which there is a choice, as `Ports` has made them, and the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.engine.console import Console
from launcher.engine.views import Views
from launcher.executors.base import Executor
from launcher.search.searcher import Searcher
from launcher.search.stopper import Stopper
from launcher.sinks.sink import MakeSink


@dataclass(frozen=True)
class Parts:
    """What a launch is made of. `ports.Ports` says what each part does."""

    executor: Executor
    views: Views
    searcher: Searcher
    stopper: Stopper
    sinks: Sequence[MakeSink]
    console: Console
