"""The options of a script, as its parser describes them: plain data that passes between processes as JSON.

`planning.parser_probe` reads the descriptions from the script's real parser. `spelling` spells values by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Kind = Literal["flag", "negatable", "count", "value", "list"]


@dataclass(frozen=True, kw_only=True)
class ScriptOption:
    """One option or positional argument of a script.

    Its kind says what is typed: a `flag` stands alone (`--amp`), a `negatable` flag has an opposite (`--amp`,
    `--no-amp`), a `count` is typed several times (`-v -v`), a `value` follows its flag, a `list` is several values.
    """

    dest: str  # the name by which the script reads the value
    flags: tuple[str, ...] = ()  # as typed, dashes included; none: a positional argument
    negative_flags: tuple[str, ...] = ()  # those of a negatable flag that mean false
    kind: Kind = "value"
    default: Any = None  # JSON-able; None also where there is none
    const: Any = None  # what the script reads where a flag, or an option without its value, is typed
    may_be_bare: bool = False  # the value may be left out
    repeats: bool = False  # each entry of the list has the flag before it
    grows: bool = False  # what is typed comes behind the entries of the default
    type_name: str = ""  # empty: text
    choices: tuple[Any, ...] = ()
    help: str = ""
    required: bool = False

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ScriptOption:
        """Return the option that JSON data describe."""
        names = {field.name for field in fields(cls)}
        given = {key: value for key, value in data.items() if key in names}
        for key in ("flags", "negative_flags", "choices"):
            given[key] = tuple(given.get(key, ()))
        return cls(**given)

    def to_data(self) -> dict[str, Any]:
        """Return the option as JSON data."""
        return asdict(self)

    @property
    def name(self) -> str:
        """The key under which a job file gives the value: the longest flag without its dashes, or `dest`."""
        shown = [flag for flag in self.flags if flag not in self.negative_flags]
        return max(shown, key=len).lstrip("-+/") if shown else self.dest

    def flag_for(self, key: str) -> str:
        """Return the flag to type for a key: the flag of this name, or else the first long one."""
        shown = [flag for flag in self.flags if flag not in self.negative_flags]
        named = [flag for flag in shown if folded(flag) == folded(key)]
        long = [flag for flag in shown if flag[:2] in ("--", "++")]
        return (named or long or shown)[0]


def folded(name: str) -> str:
    """Return a key or a flag as it is compared: without leading dashes, and `-` like `_`."""
    return name.lstrip("-+/").replace("-", "_")


def find_option(key: str, options: Sequence[ScriptOption]) -> ScriptOption | None:
    """Return the option that a key names, by a flag or by its `dest`; None if there is none.

    `-` and `_` are alike, and names are whole: `learning_rat` names no option.
    """
    wanted = folded(key)
    for option in options:
        if any(folded(flag) == wanted for flag in option.flags if flag not in option.negative_flags):
            return option
    return next((option for option in options if folded(option.dest) == wanted), None)
