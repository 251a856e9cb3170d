"""How a worker calls the functions of a target: the configuration they get, and exits that mean success."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from launcher.config import (
    strict_class,  # noqa: F401  the fork server imports pydantic once, for all workers
    validation,
)
from launcher.config.resolved import HOW_TO_MEND, Resolved, differing
from launcher.errors import InputError
from launcher.worker.spec import Spec
from launcher.worker.stop_signal import is_from_handler
from launcher.worker.target import Target


def target_of(spec: Spec) -> Target:
    """Return the target of an attempt."""
    return Target(spec.target, spec.folder, None, spec.search)


def make_config(cls: type, spec: Spec, *, shows_values: bool) -> Any:
    """Make the configuration from the values given, as `Config(**given)` would, and check it against the record.

    `shows_values`: a difference is described with its values, `seed (3 → 4)`.

    Raises:
        InputError: a field has another value than where the configuration was checked, such as a time or a random
            number. What the folder says about the experiment would then be wrong.
    """
    if cls is dict:
        return spec.given
    config = validation.build(cls, spec.given)
    if differences := differing(Resolved(spec.config), config, spec.given):
        fields = [f"{field.name} ({field})" if shows_values else field.name for field in differences]
        raise InputError(
            f"{', '.join(fields)} is not what it was where the configuration was checked: another in each process, or "
            f"at each time.\n  {HOW_TO_MEND}"
        )
    return config


@contextlib.contextmanager
def exit_is_return() -> Iterator[None]:
    """Treat an exit with code 0, often a script's last line, as a return. An exit because of SIGTERM still raises."""
    try:
        yield
    except SystemExit as error:
        is_success = error.code is None or (isinstance(error.code, int) and error.code == 0)
        if not is_success or is_from_handler(error):
            raise
