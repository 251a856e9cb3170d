"""Tells a node that cannot begin attempts from a job that cannot begin anywhere.

A node whose shared folder is not mounted, or whose GPU is gone, ends each job at once, and so gets most of those that
wait. Where attempts train on other nodes, the node is the cause. Where none does, it is rather the job file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from launcher.clusters.base import Cluster, Running, State
from launcher.store.beats import Beat

_MOST_AVOIDED = 20

Blame = Literal["node", "job", "unknown"]


class NodeBlame:
    """The nodes of one launch."""

    def __init__(self, cluster: Cluster, message: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._message = message
        self._good: set[str] = set()
        self._avoided: set[str] = set()

    def has_begun(self, node: str) -> None:
        """Take in that an attempt has begun on a node."""
        if node:
            self._good.add(node)

    def judge(self, node: str, others: Iterable[tuple[State | None, Beat | None]]) -> Blame:
        """Return whose fault it is that a job failed before its attempt began. What is handed over later avoids a node.

        `others`: what the cluster and their beats say of the attempts that wait or run. Where some are about to begin,
        more is known in a moment.
        """
        if not node:
            return "job"
        others_start = False
        for state, beat in others:
            if isinstance(state, Running):
                if beat is not None and beat.phase in ("trains", "saves", "ends"):
                    self.has_begun(state.node)
                others_start = others_start or state.node not in {node, *self._good}
            else:
                others_start = others_start or beat is not None
        if self._good - {node}:
            self._avoid(node)
            return "node"
        return "unknown" if others_start else "job"

    def _avoid(self, node: str) -> None:
        if node not in self._avoided and len(self._avoided) < _MOST_AVOIDED:
            self._avoided.add(node)
            self._cluster.avoid(node)
            self._message(
                f"{node}: a job failed there before it began, and others began elsewhere. It is handed over again; "
                f"what is handed over from now on leaves {node} out."
            )
