"""A toy sweep on a cluster that is this machine; afterwards no process of it may be alive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.launcher.conftest import Workplace
from tests.launcher.supervisor.sweep import ToySweep


@pytest.fixture
def sweep(place: Workplace) -> Iterator[ToySweep]:
    """A sweep without experiments."""
    made = ToySweep(place.folder, place.mark)
    yield made
    made.close()
