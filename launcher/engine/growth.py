"""Lets a sweep grow while it runs: tells the searcher each result, and takes in what it proposes then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from launcher.engine.experiments import Experiments
from launcher.engine.follower import Follower
from launcher.engine.messages import Added, Ended
from launcher.engine.scheduler import Scheduler
from launcher.errors import LauncherError
from launcher.planning.decision import Decision
from launcher.search.searcher import Proposal, Result, Searcher
from launcher.store.ending import EndingKind

Decide = Callable[[Sequence[Proposal]], Sequence[Decision]]  # plans proposals, and writes them down


class Growth:
    """The link between a launch and its searcher."""

    def __init__(
        self,
        searcher: Searcher,
        decide: Decide,
        experiments: Experiments,
        scheduler: Scheduler,
        follower: Follower,
        warn: Callable[[str], None],
    ) -> None:
        self._searcher = searcher
        self._decide = decide
        self._experiments = experiments
        self._scheduler = scheduler
        self._follower = follower
        self._warn = warn

    def after(self, end: Ended) -> list[Added]:
        """Return the experiments to add after an end, before the scheduler hears of that end.

        The searcher is told the end if the experiment is not tried again.
        """
        ending = EndingKind(end.ending)
        if ending != EndingKind.DONE and not self._scheduler.is_last(end.experiment):
            return []
        self._searcher.tell(Result(end.experiment, ending, self._follower.newest[end.experiment].best))
        proposals = [] if self._scheduler.is_stopping else self._searcher.ask()
        if not proposals:
            return []
        try:
            decisions = [one for one in self._decide(proposals) if one.experiment.name not in self._experiments]
        except (LauncherError, OSError) as error:
            names = ", ".join(proposal.name for proposal in proposals)
            self._warn(f"{names} cannot be added: {error}")
            return []
        for decision in decisions:
            self._experiments.add(decision)
        return [Added(decision.experiment.name) for decision in decisions]
