"""Divides what the cluster has given to a job among the attempts of its group, and completes what workers are told."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Sequence
from dataclasses import replace

from launcher.clusters.order import Order
from launcher.devices.device import Device
from launcher.devices.selection import given_devices
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.executors import rendezvous
from launcher.text import plural
from launcher.worker.spec import Card, Spec

_EPSILON = 1e-9  # of a GPU: three thirds are one


class NoRoom(Exception):
    """The job has too few GPUs for an attempt. The message names the node."""


def place_group(orders: Sequence[Order]) -> list[SlotSet | NoRoom]:
    """Return the slots of each attempt of a group, by what it is to have. Slots have numbers from 0 over the group."""
    cards = given_devices(os.environ) if any(order.gpus for order in orders) else []
    placed: list[SlotSet | NoRoom] = []
    slots = 0
    used = 0.0  # of the cards: attempts that have a part of a GPU each share it
    for order in orders:
        num = max(1, math.ceil(order.gpus))
        if order.gpus:
            first = math.floor(used + _EPSILON)
            if used + order.gpus > first + num + _EPSILON:  # no room on the rest of a card that is shared
                first += 1
            devices = cards[first : first + num]
            used = max(used, float(first)) + order.gpus
        else:
            devices = [Device("cpu", "cpu") for _ in range(max(num, order.spec.num_ranks))]
        if not devices or len(devices) < num:
            placed.append(NoRoom(_too_few(order, len(cards))))
            continue
        threads = order.spec.threads
        placed.append(SlotSet(tuple(Slot(slots + index, device, threads) for index, device in enumerate(devices))))
        slots += len(devices)
    return placed


def _too_few(order: Order, num: int) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    shown = "CUDA_VISIBLE_DEVICES is not set" if visible is None else f"CUDA_VISIBLE_DEVICES is {visible!r}"
    return (
        f"{socket.gethostname()} shows {plural(num, 'GPU')} to this job, too few for gpus = {order.gpus:g} of "
        f"{order.spec.experiment} ({shown}). The node's driver may be missing, or the cluster gives none without "
        "a request; gpus = 0 in [cluster] trains on the CPU"
    )


def spec_on_node(spec: Spec, slots: SlotSet) -> Spec:
    """Return what a worker is told, with what only its node knows."""
    threads = str(slots.threads)
    script = spec.script
    if script is not None:
        script = replace(script, environment=script.environment | {"LAUNCHER_DEVICE": slots.kind})
    # Several jobs on a node each begin with slot 0: the process's number keeps their ports apart.
    port = rendezvous.environment(os.getpid() + slots.indices[0], os.environ)
    return replace(
        spec,
        device_type=slots.kind,
        cards=tuple(Card(device.uuid, device.name) for device in slots.devices if device.uuid),
        environment=spec.environment
        | slots.environment()
        | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        | port,
        script=script,
    )
