"""Finds the devices on which two different experiments have failed within a second, one after the other. Pure."""

from __future__ import annotations

from collections.abc import Sequence

QUICK_S = 1.0  # an attempt that fails faster has not trained


class QuickFailures:
    """Remembers for each device which experiment's quick failure was the last end there."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}

    def ended(self, experiment: str, devices: Sequence[int], *, is_quick_failure: bool) -> dict[str, list[int]]:
        """Take in the end of an attempt. Return the devices that may be the cause, by who failed there before.

        Of an attempt on several devices, each of them may be the cause.
        """
        before = {device: self._last.pop(device, None) for device in devices}
        suspects: dict[str, list[int]] = {}
        if is_quick_failure:
            self._last |= dict.fromkeys(devices, experiment)
            for device, name in before.items():
                if name is not None and name != experiment:
                    suspects.setdefault(name, []).append(device)
        return suspects
