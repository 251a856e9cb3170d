"""What a launch would hand to a cluster, and what that means for the shared folder. Nothing is asked or started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from launcher.clusters import make
from launcher.clusters.base import NotHeard
from launcher.planning.cluster_slots import can_resume, checkpoint_s, needs
from launcher.planning.job import Sweep
from launcher.planning.plan import Plan
from launcher.planning.tracked_code import TrackedCode
from launcher.store.attempt_files import AttemptsOnCluster
from launcher.store.checkpoints import newest_bytes
from launcher.store.cluster_paths import ClusterPaths

_BUSY_BYTES_PER_S = 100e6  # a shared folder of many users is slow from here on


@dataclass(frozen=True)
class ClusterPlan:
    """What a launch would hand over. Its fields are keys of `plan --json`.

    name: of the cluster.
    num_followed: experiments of which an attempt waits or runs there already.
    lines: what the cluster would be asked, for a person.
    """

    name: str
    num_handed_over: int
    num_followed: int
    lines: Sequence[str]

    @classmethod
    def of(cls, plan: Plan, name: str, *, asks: bool = False) -> Self:
        """Return what a launch of a plan would hand to a cluster. `asks`: also what the cluster says to it.

        Raises:
            InputError: a key of [cluster] has no meaning there, or the cluster cannot be asked.
        """
        sweep = plan.sweep
        table = needs(sweep)
        followed = sum(decision.evidence.open_attempt > 0 for decision in plan.to_run)
        num = len(plan.to_run) - followed
        grace_s = sweep.settings.grace_s
        cluster = make.make_cluster(name, table, plan.absolute_paths.outcome, grace_s, can_resume(sweep))
        num_groups = -(-num // table.per_job)
        lines = [*cluster.preview(num_groups), *_copy(sweep), *_limit(plan, table.seconds), *_load(plan, num)]
        if asks:
            try:
                lines += cluster.answers()
            except NotHeard as error:
                lines.append(f"{name} does not answer: {error}")
            finally:
                cluster.close()
        return cls(name, num, followed, lines)


def _copy(sweep: Sweep) -> list[str]:
    """Tell which code would be copied, if any."""
    code = TrackedCode.of(sweep)
    if code is None:
        return []
    num_files = f"{len(code.files)} file{'s' * (len(code.files) != 1)}"
    place = ClusterPaths(sweep.outcome).code
    return [f"code: {num_files} of {code.root}, {code.num_bytes / 1e6:.1f} MB, are copied to {place}"]


def _limit(plan: Plan, limit_s: int | None) -> list[str]:
    """Tell of an experiment that takes longer than the time limit of a job, as far as that is known."""
    known = [decision.duration.seconds for decision in plan.to_run if decision.duration.seconds]
    if limit_s is None or not known or max(known) <= limit_s:
        return []
    grace_s = plan.sweep.settings.grace_s
    return [
        f"the longest experiment takes about {max(known) / 3600:.1f} h, more than the limit of {limit_s / 3600:.1f} h: "
        f"it saves {grace_s + 60:.0f} s before the limit, and a job that follows goes on"
    ]


def _load(plan: Plan, num: int) -> Iterator[str]:
    """Tell what checkpoints of so many experiments at once mean for the shared folder, if their size is known."""
    at_once = min(num, plan.sweep.cluster.at_once or num)
    seconds = checkpoint_s(plan.sweep, num)
    if seconds != plan.sweep.settings.checkpoint_s:
        yield f"checkpoints every {seconds:g} s, as {at_once} run at once; checkpoint_s of [sweep] says otherwise"
    if at_once <= 1 or not seconds:
        return
    cluster = AttemptsOnCluster(plan.paths)
    names = [each.experiment.name for each in plan.decisions if each.evidence.has_checkpoint]
    largest = max((newest_bytes(cluster.paths(name).checkpoints(name)) for name in names), default=0)
    if not largest:
        return
    rate = at_once * largest / seconds
    advice = "; a larger checkpoint_s makes it less" if rate > _BUSY_BYTES_PER_S else ""
    yield (
        f"checkpoints: {at_once} x {largest / 1e6:.0f} MB every {seconds:g} s are {rate / 1e6:.0f} MB/s to the shared "
        f"folder{advice}"
    )
