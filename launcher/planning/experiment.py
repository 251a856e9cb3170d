"""One experiment of a sweep, with its configuration resolved: what `resolve` makes and everything else reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from launcher.config import redact

if TYPE_CHECKING:
    from launcher.command.options import ScriptOption
    from launcher.config.identity import Content


@dataclass(frozen=True)
class Experiment:
    """One experiment, its configuration resolved with every default."""

    name: str
    index: int  # its position in the job file, from 0
    overrides: dict[str, Any]  # what the job file sets for this experiment alone
    config: dict[str, Any]  # all fields of the configuration with their values
    digest: str  # its identity: another digest is another training
    work: float | None = None  # how much there is to do, in a unit of the target's own
    inputs: dict[str, str] = field(default_factory=dict)  # path → sha256 of the files the result depends on
    given: dict[str, Any] = field(default_factory=dict)  # the arguments the target's configuration is made from
    content: Content | None = None  # everything that the digest is computed from
    options: tuple[ScriptOption, ...] | None = None  # of the script's parser; None: it is not known
    notes: tuple[str, ...] = ()  # what a person should know of the check, though it is no problem
    code: str = ""  # the digest of the script's source and of the modules beside it; empty if it is not known
    defaults: dict[str, Any] = field(default_factory=dict)  # what the script's parser adds; not part of the identity
    seed: int = 0  # the value of `run.seed`
    group: str = ""  # the name of its configuration, which experiments on other seeds share; empty: its own name
    cell: dict[str, Any] = field(default_factory=dict)  # its place in the grid: the value or label on each axis

    @property
    def configuration(self) -> str:
        """The name of its configuration. Experiments that differ in the seed alone share it."""
        return self.group or self.name

    @property
    def shown(self) -> Experiment:
        """The same experiment as a person or a file may see it: its secrets are `***`."""
        return replace(self, overrides=redact.table(self.overrides), config=redact.table(self.config))
