"""Gives each worker a port of its own for the process group of `torch.distributed`.

A target that trains on one GPU and still sets up a process group would use torch's default port, and two such workers
at once would fail. The port is free when the worker starts, but it is not reserved. A target that names a port itself
keeps its port.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

_FIRST = 29500  # torch's own default
_END = 32768  # from here on Linux hands out ports to programs that ask for any port
_STEP = 8  # some frameworks take the next few ports too
_NUM = (_END - _FIRST) // _STEP
_NEXT = 65  # steps to the next port to try: beyond the ports of the other slots of most launches


def environment(slot: int, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the worker of a slot; none if the user has set MASTER_PORT for all workers."""
    if "MASTER_PORT" in outer:
        return {}
    return {"MASTER_ADDR": outer.get("MASTER_ADDR", "127.0.0.1"), "MASTER_PORT": str(_port(slot))}


def _port(slot: int) -> int:
    for number in range(_NUM):
        port = _FIRST + _STEP * ((slot + _NEXT * number) % _NUM)
        if _is_free(port):
            return port
    return _FIRST


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind(("", port))
    except OSError:  # taken; or no descriptor is left, and then no worker starts either
        return False
    return True
