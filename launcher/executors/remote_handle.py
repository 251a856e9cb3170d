"""One attempt on a cluster, as the event loop has it in its hand."""

from __future__ import annotations

from typing import Protocol

from launcher.worker.spec import Spec


class Owner(Protocol):
    """The executor of a handle."""

    def begin(self, handle: RemoteHandle) -> None:
        """Hand the attempt to the cluster."""

    def stop(self, handle: RemoteHandle, *, force: bool) -> None:
        """Ask the attempt to save and end, or end it."""


class RemoteHandle:
    """One attempt on a cluster. The thread of the executor writes `waits` and `ticket`; the event loop reads them."""

    def __init__(self, spec: Spec, cluster: str, owner: Owner) -> None:
        self.spec = spec
        self.waits = "not handed over yet"  # empty once its supervisor has given a sign of life
        self.ticket = ""  # the cluster's name of the job
        self.node = ""
        self._cluster = cluster
        self._owner = owner

    @property
    def label(self) -> str:
        """The name of the attempt in messages: "slurm 17_3 on n2"."""
        ticket = f" {self.ticket}" if self.ticket else ""
        return f"{self._cluster}{ticket}{f' on {self.node}' if self.node else ''}"

    def begin(self) -> None:
        """Hand the attempt to the cluster."""
        self._owner.begin(self)

    def discard(self) -> None:
        """Do nothing: an attempt that has not begun was not handed over."""

    def stop(self, *, force: bool) -> None:
        """Ask the attempt to save and end; with `force` have the cluster end it."""
        self._owner.stop(self, force=force)

    def end_with_stacks(self) -> None:
        """Ask the attempt to save and end: no signal for stacks reaches its node."""
        self._owner.stop(self, force=False)

    def cpu_seconds(self) -> None:
        """Return None: nobody here counts the CPU time of another machine."""
