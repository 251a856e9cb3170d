"""`LauncherTracker`: what a script gives to `accelerator.log` is recorded.

    accelerator = Accelerator(log_with=LauncherTracker())
    accelerator.init_trackers("any name")

With `hooks = ["accelerate"]` in the job file every Accelerator does it, and no line of the script changes.
"""

from __future__ import annotations

from accelerate.tracking import GeneralTracker

from launcher.integrations.adapter import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from launcher.current_run.protocol import CurrentRun


class LauncherTracker(GeneralTracker):  # type: ignore[misc]
    """Records the values of each step. Calls without a step are counted, from 1 or on from the attempt before."""

    name = "launcher"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self) -> None:
        super().__init__()
        self._adapter = Adapter("accelerate")
        self._num_calls = self._adapter.last_step_before or 0

    @property
    def tracker(self) -> CurrentRun:
        """The run of the launcher."""
        return self._adapter.run

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Record nothing: the configuration is known."""

    def log(self, values: Mapping[str, Any], step: int | None = None, **more: Any) -> None:
        """Record the numbers among the values."""
        self._num_calls += 1
        self._adapter.log(self._num_calls if step is None else step, values)
