"""The choices of a launch: which executor, views, sinks, searcher and stopper. The defaults are those of every launch.

A new executor, sink, searcher or stopper is one new file, and another value here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from launcher.clusters.make import make_cluster
from launcher.devices.selection import DeviceSelection
from launcher.engine.build_executor import build_executor
from launcher.engine.remote import MakeCluster
from launcher.engine.report_process import report_process
from launcher.engine.views import Views
from launcher.executors.base import Executor
from launcher.planning.job import Sweep, SweepSettings
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.plan import Plan
from launcher.search.searcher import FixedSearcher, Searcher
from launcher.search.stopper import NeverStop, Stopper
from launcher.sinks.sink import MakeSink
from launcher.sinks.text_log import text_log
from launcher.store.paths import Paths

Warn = Callable[[str], None]


def fixed_searcher(sweep: Sweep) -> Searcher:
    """Return the searcher that proposes the experiments of the job file."""
    return FixedSearcher(sweep.experiments)


@dataclass(frozen=True)
class Ports:
    """How to make the parts of a launch.

    renew_views: makes missing and outdated tables and plots of a folder again; returns what went wrong.
    make_views: makes the part that renews tables and plots while experiments run.
    make_executor: locks devices and makes the executor that runs workers on them.
    make_cluster: makes the cluster of a name, for a sweep and its folders.
    sinks: where the records of each experiment go.
    make_searcher: makes the searcher, which proposes the experiments.
    stopper: judges running experiments.
    """

    renew_views: Callable[[Paths], list[str]]
    make_views: Callable[[Plan, Warn], Views] = report_process
    make_executor: Callable[[SweepSettings, LaunchOptions, DeviceSelection, Paths, Warn], Executor] = build_executor
    make_cluster: MakeCluster = make_cluster
    sinks: Sequence[MakeSink] = (text_log,)
    make_searcher: Callable[[Sweep], Searcher] = fixed_searcher
    stopper: Stopper = field(default_factory=NeverStop)
