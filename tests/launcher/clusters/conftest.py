"""A Ray for all tests of this package that ask for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.ray import RayNodes, ray_nodes


@pytest.fixture(scope="session")
def nodes() -> Iterator[RayNodes]:
    """Four nodes of two CPUs and a GPU. A test that ends one, the last of its module, finds it by `node_of`."""
    with ray_nodes(nodes=4, cpus=2) as made:
        yield made
