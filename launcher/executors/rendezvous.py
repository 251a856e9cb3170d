"""The address at which `torch.distributed` of a worker meets: each slot has its own, so that two never take one port.

A target that trains on one GPU and still sets up a process group would use torch's default port in every worker.
Nothing is reserved: the port is free at the moment of the start. Targets that name a port themselves are not reached.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

_FIRST = 29500  # torch's own default
_END = 32768  # from here on Linux gives ports to whoever asks for any
_STEP = 8  # some frameworks take the next few ports too
_NUM = (_END - _FIRST) // _STEP
_NEXT = 65  # places further, if one is taken: beyond those of the slots of most launches


def environment(slot: int, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the worker of a slot; none where the user has set the port for all."""
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
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
