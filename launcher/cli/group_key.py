"""The value of `--group`: checked before anything is read or drawn for it."""

from __future__ import annotations

from launcher.errors import InputError
from launcher.store.paths import Paths
from launcher.text import did_you_mean, inline, listed

_MOST = 30  # keys that an error lists


def check_group_key(key: str, paths: Paths) -> None:
    """Check that the experiments of a sweep can be grouped by a key.

    Raises:
        InputError: no experiment has the key.
    """
    from launcher.reports.analysis.groups import group_keys
    from launcher.store.manifest import read_manifest

    manifest = read_manifest(paths)
    if manifest is None:
        return  # that there is no sweep is told elsewhere
    keys = group_keys(manifest.experiments)
    if key not in keys:
        raise InputError(
            f'--group: no experiment has the key "{inline(key, 100)}".{did_you_mean(key, keys)}\n'
            f"  Keys: {inline(listed(keys, _MOST), 2000)}"
        )
