"""What attempts on a cluster are asked to end, until the cluster has heard it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from launcher.clusters.base import NO_TICKET, Cluster, NotHeard
from launcher.executors.hand_over import Followed, HandOver
from launcher.store.attempt_files import AttemptFiles
from launcher.store.claims import ask_to_stop, supersede, take_out
from launcher.store.cluster_paths import ClusterPaths


class RemoteStops:
    """The requests of one launch."""

    def __init__(self, cluster: Cluster, hand_over: HandOver, folders: ClusterPaths) -> None:
        self._cluster = cluster
        self._hand_over = hand_over
        self._folders = folders
        self._asked: dict[str, bool] = {}  # by experiment: with force

    def __len__(self) -> int:
        """Return how many wait for the cluster."""
        return len(self._asked)

    def add(self, experiment: str, *, force: bool) -> None:
        """Take a request."""
        self._asked[experiment] = self._asked.get(experiment, False) or force

    def withdraw(self) -> Iterator[str]:
        """Take out the experiments that are to end and were not handed over, and yield their names."""
        for name in list(self._asked):
            if self._hand_over.withdraw(name) is not None:
                del self._asked[name]
                yield name

    def pass_on(self, followed: Mapping[str, Followed]) -> list[str]:
        """Ask the cluster to end what it has. If it does not answer, the next call asks again.

        Return the experiments that were asked without it.
        """
        reached: list[str] = []
        for force in (False, True):
            found = [followed[name] for name, forced in self._asked.items() if forced == force and name in followed]
            if not found:
                continue
            shared = {each.ticket for each in followed.values() if each not in found} | {NO_TICKET}
            try:
                self._cluster.stop([each.ticket for each in found if each.ticket not in shared], force=force)
            except NotHeard as error:
                self._hand_over.tell(f"{self._cluster.name} does not answer: {error}")
                continue
            for each in found:
                del self._asked[each.name]
                each.is_asked = True
                if each.ticket in shared:
                    self._stop_alone(each, force=force)
                    reached.append(each.name)
        self._asked = {name: force for name, force in self._asked.items() if name in followed}
        return reached

    def _stop_alone(self, followed: Followed, *, force: bool) -> None:
        """End an attempt that no stop of the cluster reaches, or that shares its job with others, by its folder."""
        files = AttemptFiles.look(self._folders.attempts(followed.name))
        files = replace(files, orders=files.orders | {followed.attempt})
        if take_out(files):
            return
        if force:
            followed.is_closed = supersede(files)
        else:
            ask_to_stop(files)
