"""Ray's table of keys, as far as it tells of our groups: which actor has taken a group, and how the group ended.

The key is the ticket of the group. The first entry counts, and Ray makes sure that there is one first: so a group is
run by a single actor, whoever wants it, and nobody runs a group that was withdrawn. The actor that has run the group
writes the exit status into the entry. Actors and the driver use this code; it is handed to Ray by value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

NAMESPACE = "sweep-launcher"  # of our actors, and of the entries


@dataclass(frozen=True)
class Entry:
    """What is known of a group that no actor may take any more.

    actor: the name of the actor that has taken it; empty: it was withdrawn, and never starts.
    is_over: its supervisor has ended, with the exit status `code`.
    """

    actor: str
    is_over: bool = False
    code: int | None = None


def take(ticket: str, actor: str) -> Entry:
    """Take a group for an actor, or withdraw it with an empty name. Return the entry that counts."""
    from ray.experimental import internal_kv

    text = json.dumps({"actor": actor})
    if not internal_kv._internal_kv_put(ticket, text, overwrite=False, namespace=NAMESPACE):
        return Entry(actor)
    return entries([ticket]).get(ticket) or Entry("")  # it is over, and was forgotten meanwhile


def leave(ticket: str, actor: str, code: int) -> None:
    """Write that a group is over."""
    from ray.experimental import internal_kv

    internal_kv._internal_kv_put(ticket, json.dumps({"actor": actor, "code": code}), namespace=NAMESPACE)


def entries(tickets: Iterable[str]) -> dict[str, Entry]:
    """Return the entries of these groups, as far as there are any: one question for all."""
    from ray.experimental import internal_kv

    client = internal_kv.internal_kv_get_gcs_client()
    found = client.internal_kv_multi_get([ticket.encode() for ticket in tickets], NAMESPACE.encode())
    return {key.decode(): _entry(value) for key, value in found.items()}


def taken(prefix: str) -> set[str]:
    """Return the groups that have an entry. `prefix`: of their tickets."""
    from ray.experimental import internal_kv

    return {key.decode(errors="replace") for key in internal_kv._internal_kv_list(prefix, namespace=NAMESPACE)}


def forget(tickets: Iterable[str]) -> None:
    """Remove the entries of groups that are over and of which nobody asks any more."""
    from ray.experimental import internal_kv

    for ticket in tickets:
        internal_kv._internal_kv_del(ticket, namespace=NAMESPACE)


def _entry(value: bytes) -> Entry:
    told = json.loads(value)
    code = told.get("code")
    return Entry(str(told.get("actor", "")), "code" in told, code if isinstance(code, int) else None)
