"""Lets a sweep grow while it runs: tells the searcher each result, and adds the experiments it proposes then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from launcher.engine.launch_state import LaunchState
from launcher.engine.messages import Added, Ended
from launcher.engine.scheduler import Finished
from launcher.errors import LauncherError
from launcher.planning.decision import Decision
from launcher.search.searcher import Proposal, Result, Searcher
from launcher.store.ending import EndingKind

Decide = Callable[[Sequence[Proposal]], Sequence[Decision]]  # plans proposals and writes the plan down


class Growth:
    """The link between a launch and its searcher."""

    def __init__(
        self,
        searcher: Searcher,
        decide: Decide,
        state: LaunchState,
        warn: Callable[[str], None],
        num_slots: int = 1,
    ) -> None:
        """Make it. `num_slots`: how many slots an experiment needs."""
        self._searcher = searcher
        self._decide = decide
        self._experiments = state.experiments
        self._scheduler = state.scheduler
        self._follower = state.follower
        self._warn = warn
        self._num_slots = num_slots

    def after(self, end: Ended) -> list[Added]:
        """Return the experiments to add after an end. The scheduler has heard of the end already.

        The searcher is told the end unless the experiment waits to be tried again. It is not asked for more
        experiments when the launch is being stopped.
        """
        if not isinstance(self._scheduler.state(end.experiment), Finished):
            return []
        ending = EndingKind(end.ending)
        self._searcher.tell(Result(end.experiment, ending, self._follower.newest(end.experiment).best))
        proposals = [] if self._scheduler.is_stopping else self._searcher.ask()
        if not proposals:
            return []
        try:
            planned = self._decide(proposals)
        except (LauncherError, OSError) as error:
            names = ", ".join(proposal.name for proposal in proposals)
            self._warn(f"{names} cannot be added: {error}")
            return []
        decisions = [decision for decision in planned if decision.experiment.name not in self._experiments]
        for decision in decisions:
            self._experiments.add(decision)
        return [Added(decision.experiment.name, self._num_slots) for decision in decisions]
