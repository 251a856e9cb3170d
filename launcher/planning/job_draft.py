"""Writes the text of a first job file for a script, from what its parser and its source say, and from a log of it.

Whatever the script has a default for stands there as a comment, so that the file trains what the script trains when it
is typed. Three things are set. An option that says where files go is given the experiment's own folder, because two
experiments would write over each other's files. An option for the seed gets the sweep's seed. And where the script
reads no arguments, its settings are taken from its source.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from launcher.command.options import ScriptOption, folded
from launcher.config import notation, redact
from launcher.config.nested import dotted
from launcher.planning.script_check import ScriptCheck
from launcher.sources.lines import Lines
from launcher.sources.template import compiled
from launcher.sources.trial import Trial
from launcher.store.score_names import is_score
from launcher.text import inline

_HELP_LIMIT = 100  # characters of an option's help
_OUTPUTS = re.compile(
    r"out|output|save|save_to|(out|output|save|log|logging|result|results|checkpoint|checkpoints|ckpt|run|work)_?dir"
    r"|(out|output|save|log|result|results)_(path|folder|file)"
)
_METRICS_MOST = 4  # that are drawn


@dataclass(frozen=True)
class LogShape:
    """How a script prints its metrics, as its log shows."""

    log: str = ""  # the value of the key `log`, as TOML; empty: nothing in it looks like metrics
    metrics: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: bytes) -> LogShape:
        """Look for metrics in the text of a log."""
        trial, lines = Trial(()), Lines()
        trial.feed([*lines.split(text), *lines.finish()])
        templates = [each.template for each in trial.suggested()]
        log = '"json"' if trial.json.num else notation.write(templates) if templates else ""
        found = [*trial.json.firsts, *(name for template in templates for name in compiled(template).names)]
        known = [name for name in dict.fromkeys(found) if name not in ("epoch", "step")]
        names = [name for name in known if "loss" in name or "acc" in name] or known
        return cls(log, tuple(names[:_METRICS_MOST]))


def draft(script: str, arguments: Sequence[str], checked: ScriptCheck, shape: LogShape | None, plan: str) -> str:
    """Return the text of a job file.

    Args:
        script: as it is typed.
        arguments: that every experiment gets, whatever its configuration.
        checked: what the check of this command without any configuration has found.
        shape: of a log of the script; None if there is none.
        plan: the command that says what the file would run, as a person types it.
    """
    facts = checked.facts
    runs = ["{python}", script] if facts is not None else [script if "/" in script else f"./{script}"]
    seed = next((option for option in checked.options or () if _is_seed(option, arguments)), None)
    seed_words = [f"{seed.flag_for('seed')}={{seed}}"] if seed is not None else []
    style = _style(checked)
    rest = ["{args}"] if style != "globals" else []
    if style == "key=value" and not any(word.startswith("hydra.run.dir=") for word in arguments):
        rest = ['hydra.run.dir="{dir}"', *rest]
    command = notation.write([*runs, *[_braces(word) for word in arguments], *seed_words, *rest])
    lines = [
        f"# {_one_line(script)}, as it is. What would run: {inline(plan, 1000)}",
        "",
        "[sweep]",
        f"command = {command}",
        *([f'args = "{style}"'] if style else []),
        *([f"seed = {seed.default}  # the script's own"] if seed is not None and _is_seed_value(seed.default) else []),
        *_metric_lines(shape),
        "",
        "[config]  # of all experiments; without a value the script takes its own, which stands here as a comment",
        *_config_lines(checked, arguments, seed),
        "",
        "[experiments]  # each with what it changes",
        "baseline = {}",
        *_example(checked, arguments),
    ]
    return "\n".join(lines) + "\n"


def missing(checked: ScriptCheck, arguments: Sequence[str]) -> list[str]:
    """Return the names of the options that the script requires and the draft does not set."""
    named = _shown_options(checked, arguments)
    return [option.name for option in named if option.required and not _is_output(option)]


def _style(checked: ScriptCheck) -> str:
    """Return the spelling of values, where it is not the default."""
    facts = checked.facts
    if facts is None or checked.options is not None:
        return ""
    if facts.parser == "hydra":
        return "key=value"
    return "globals" if not facts.parser and not facts.reads_argv and facts.settings else ""


def _metric_lines(shape: LogShape | None) -> Iterator[str]:
    if shape is not None and shape.log:
        yield f"log = {shape.log}"
        yield f"metrics = {notation.write(list(shape.metrics))}"
        if scores := [name for name in shape.metrics if is_score(name)]:
            yield f"maximize = {notation.write(scores)}  # of these a larger value is better"
    else:
        yield '# log = ["step {step}: loss {loss}"]  # a line that the script prints, with its numbers by name'
        yield '# metrics = ["loss"]  # those to draw as curves'


def _config_lines(checked: ScriptCheck, arguments: Sequence[str], seed: ScriptOption | None) -> Iterator[str]:
    if checked.options is not None:
        for option in _shown_options(checked, arguments):
            if option is not seed:
                yield _option_line(option)
    elif settings := _literals(checked):
        yield from (f"# {dotted((name,))} = {_value(name, value)}" for name, value in settings.items())
    else:
        yield "# lr = 0.1"


def _literals(checked: ScriptCheck) -> dict[str, Any]:
    """Return the settings in the source of a script without a parser."""
    if checked.facts is None or checked.facts.parser:
        return {}
    return {name: setting.value for name, setting in checked.facts.settings.items() if not setting.again}


def _shown_options(checked: ScriptCheck, arguments: Sequence[str]) -> list[ScriptOption]:
    """Return the options that a configuration may set: each value once, without those that are typed already."""
    typed = {word.partition("=")[0] for word in arguments}
    options = [option for option in checked.options or () if option.dest.isprintable() and option.dest[:2] != "=="]
    taken = {option.dest for option in options if typed & {*option.flags}}
    num_typed = sum(not word.startswith("-") for word in arguments)
    shown: dict[str, ScriptOption] = {}
    for option in options:
        if not option.flags and num_typed:
            num_typed -= 1  # it may be the value of an option; then a line more is missing from the comments
        elif option.dest not in taken:
            shown.setdefault(option.dest, option)
    return list(shown.values())


def _option_line(option: ScriptOption) -> str:
    key = dotted(tuple(option.name.split(".")))
    words = [_one_line(_help(option))] if option.help else []
    if option.choices:
        words.append(f"one of {_one_line(', '.join(map(str, option.choices)))}")
    if option.required:
        words.insert(0, "REQUIRED")
    elif option.default is None and option.kind not in ("flag", "negatable"):
        words.insert(0, "not set by itself")
    comment = f"  # {'; '.join(words)}" if words else ""
    if _is_output(option):
        is_set = option.required or option.default
        return f"{'' if is_set else '# '}{key} = {_output(option)}{comment}"
    return f"# {key} = {_value(option.name, _default(option))}{comment}"


def _default(option: ScriptOption) -> Any:
    """Return the value of an option as a key of a job file has it: a flag is false until it is typed."""
    if option.kind in ("flag", "negatable"):
        is_dest = folded(option.dest) == folded(option.name)
        return bool(option.default) if is_dest and isinstance(option.default, bool | None) else False
    if option.default is not None:
        return option.default
    if option.choices:
        return option.choices[0]
    return [] if option.kind == "list" else {"int": 0, "float": 0.0}.get(option.type_name, "")


def _value(name: str, value: Any) -> str:
    return notation.write(redact.shown(name, value)).replace("\n", "\\n")


def _help(option: ScriptOption) -> str:
    return option.help.replace("%(default)s", str(option.default)).replace("%%", "%")


def _one_line(text: str) -> str:
    return inline(" ".join(text.split()), _HELP_LIMIT)


def _braces(word: str) -> str:
    return word.replace("{", "{{").replace("}", "}}")


def _is_output(option: ScriptOption) -> bool:
    """Return whether an option says where the script writes: two experiments must not write to one place."""
    is_text = option.kind == "value" and option.type_name in ("", "str", "Path") and not option.choices
    name = folded(option.name)
    return is_text and _OUTPUTS.fullmatch(name) is not None and isinstance(option.default, str | None)


def _output(option: ScriptOption) -> str:
    """Return the experiment's own folder, or a file in it where the default is a file."""
    file = PurePath(option.default or "").name
    has_suffix = bool(os.path.splitext(file)[1])
    return json.dumps(f"{{dir}}/{file}" if has_suffix else "{dir}", ensure_ascii=False)


def _is_seed(option: ScriptOption, arguments: Sequence[str]) -> bool:
    is_typed = any(word.partition("=")[0] in option.flags for word in arguments)
    return bool(option.flags) and "seed" in {folded(flag) for flag in option.flags} and not is_typed


def _is_seed_value(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**63


def _example(checked: ScriptCheck, arguments: Sequence[str]) -> Iterator[str]:
    """Yield a second experiment as a comment: with another learning rate, or another value of the first number."""
    numbers = {option.name: option.default for option in _shown_options(checked, arguments)}
    numbers = numbers or _literals(checked)
    usable = {name: value for name, value in numbers.items() if type(value) in (int, float) and folded(name) != "seed"}
    rates = [name for name in usable if folded(name) in ("lr", "learning_rate")]
    name = next(iter([*rates, *usable]), "lr")
    value = usable.get(name, 0.05) * 2 or 1  # another than the script's own
    yield f"# other = {{ {dotted(tuple(name.split('.')))} = {notation.write(value)} }}"
