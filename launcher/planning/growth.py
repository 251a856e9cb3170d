"""A plan with more experiments: those that a searcher has proposed while the sweep runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from launcher.planning.job import Sweep
from launcher.planning.plan import Plan, decide
from launcher.planning.resolve import resolve
from launcher.search.searcher import Proposal


def with_proposals(sweep: Sweep, proposals: Sequence[Proposal]) -> Sweep:
    """Return a sweep whose experiments are these proposals."""
    return replace(sweep, experiments={proposal.name: dict(proposal.overrides) for proposal in proposals})


def grow(plan: Plan, proposals: Sequence[Proposal]) -> Plan:
    """Return a plan with the proposals behind its experiments.

    Raises:
        InputError: a configuration is wrong, with all the problems.
    """
    new = with_proposals(plan.sweep, proposals)
    num_before = len(plan.decisions)
    experiments = [replace(experiment, index=num_before + experiment.index) for experiment in resolve(new)]
    decided = decide(new, experiments, plan.paths)
    sweep = replace(plan.sweep, experiments=plan.sweep.experiments | new.experiments)
    return replace(plan, sweep=sweep, decisions=[*plan.decisions, *decided.decisions])
