"""Runs a script up to its parser, which then parses the arguments of every experiment. Nothing is trained.

    PYTHON parser_probe.py FD CALLS (SCRIPT | -m MODULE) ARGUMENTS…

`script_check` starts it in place of the script and talks to it over the socket FD, in lines of JSON. The script runs as
`__main__` until it calls `parse_args()` or `parse_known_args()` of an argparse parser with its own command line; a
parser of a library, called with other arguments before, does not count. The answer to this call never comes. Instead:

    probe ─▶ launcher   {"is_last": true}
    probe ◀─ launcher   {"describe": [arguments of each experiment]}
    probe ─▶ launcher   {"options": [those of the parser and of the subcommands named there], "is_strict": true,
                         "is_of_one": false}
    probe ◀─ launcher   {"parse": [arguments of each experiment]}
    probe ─▶ launcher   {"results": [{"values": {…}} or {"error": "invalid int value: 'big'", "dest": "epochs"}, …]}

as often as the launcher likes, until it kills the probe. CALLS is how many calls of parsers the script's source has in
a row. While there are more, and a call lets unknown arguments pass, `is_last` is false. Then the launcher answers with
`{"go_on": arguments}`, and the script gets a real answer to this call and runs on to its next parser.

It runs in the script's own Python, which may be another than the launcher's, and older: it imports the standard library
alone, and has nothing that Python 3.8 does not know.
"""

from __future__ import annotations

import argparse
import enum
import json
import os
import runpy
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_STRICT = ("parse_args", "parse_intermixed_args", "parse_args_into_dataclasses")  # they refuse what is left over
_REAL = argparse.ArgumentParser.parse_known_args


class Refused(Exception):
    """A parser has refused arguments. `dest` names the option, if it is one option's fault."""

    def __init__(self, message: str, dest: str | None = None) -> None:
        super().__init__(message)
        self.dest = dest


class Stage:
    """One call of a parser, as it can be made again with other arguments."""

    def __init__(self, parser: argparse.ArgumentParser, namespace: Any, callers: Sequence[str]) -> None:
        self.parser = parser
        self.is_strict = any(name in _STRICT for name in callers)
        self.takes_left_over = False  # of the stage before
        self._is_intermixed = "parse_known_intermixed_args" in callers
        self._namespace = namespace
        self.left_over: list[str] | None = None  # what this call really gave, with `go_on`

    def parse(self, arguments: Sequence[str]) -> tuple[Any, list[str]]:
        """Return the parser's answer.

        Raises:
            Refused: the parser does not take the arguments.
        """
        namespace = None if self._namespace is None else argparse.Namespace(**vars(self._namespace))
        parse = argparse.ArgumentParser.parse_known_intermixed_args if self._is_intermixed else _REAL
        own = {parser: vars(parser).get("error") for parser in all_parsers(self.parser)}
        for parser in own:
            vars(parser)["error"] = _refuse(parser)
        try:
            values, left_over = parse(self.parser, list(arguments), namespace)
        except argparse.ArgumentError as error:  # exit_on_error=False
            raise Refused(error.message, _dest(self.parser, error)) from error
        except SystemExit as error:
            raise Refused(f"the parser ends the script, exit code {error.code}") from error
        finally:
            for parser, error_of in own.items():
                vars(parser).pop("error") if error_of is None else vars(parser).update(error=error_of)
        if left_over and self.is_strict:
            raise Refused(f"unrecognized arguments: {' '.join(left_over)}")
        return values, left_over


class Probe:
    """Waits for the script's parser, and answers the launcher then."""

    def __init__(self, fd: int, num_calls: int) -> None:
        self._lines = os.fdopen(fd, "r+b", buffering=0)
        self._num_calls = num_calls
        self._stages: list[Stage] = []
        self._argv: list[str] = []  # as the script was started
        self._change: Callable[[Sequence[str]], list[str]] = list  # what the script does to them before it parses
        self._is_busy = False
        self._pid = os.getpid()

    def watch(self, arguments: Sequence[str]) -> None:
        """Have every parser of this process come here first."""
        self._argv = list(arguments)

        def parse_known_args(parser: Any, args: Any = None, namespace: Any = None, **more: Any) -> Any:
            """Stand in for the method of every parser."""
            given = sys.argv[1:] if args is None else list(args)
            if self._is_busy or os.getpid() != self._pid or not self._counts(parser, given, args is None):
                return _REAL(parser, args, namespace, **more)
            self._is_busy = True
            try:
                return self._at_parser(parser, given, namespace)
            finally:
                self._is_busy = False

        argparse.ArgumentParser.parse_known_args = parse_known_args  # type: ignore[method-assign, assignment]

    def _counts(self, parser: argparse.ArgumentParser, given: list[str], is_own: bool) -> bool:
        """Return whether the script gave its own arguments: all, their end, with more, or what a parser has left."""
        if _is_helper(parser):
            return False
        if is_own or any(given == stage.left_over for stage in self._stages):
            return True
        own = sys.argv[1:]
        if not given:  # a library asks for its defaults like this
            return not own and (_callers(parser)[-1:] == ["parse_args_into_dataclasses"] or _gave_none(parser))
        return own[len(own) - len(given) :] == given or (bool(own) and given[: len(own)] == own)

    def _at_parser(self, parser: argparse.ArgumentParser, given: list[str], namespace: Any) -> Any:
        stage = Stage(parser, namespace, _callers(parser))
        if self._stages:
            stage.takes_left_over = given == self._stages[-1].left_over and given != sys.argv[1:]
        else:
            self._change = _change(self._argv, given)
        self._stages.append(stage)
        self._tell({"is_last": stage.is_strict or len(self._stages) >= self._num_calls})
        while True:
            request = self._hear()
            if "describe" in request:
                options = self._options(request["describe"])
                self._tell({"options": options, "is_strict": stage.is_strict, "is_of_one": _has_subgroups(parser)})
            elif "parse" in request:
                self._tell({"results": [self._result(self._change(arguments)) for arguments in request["parse"]]})
            else:
                arguments = self._change(request["go_on"])
                try:
                    values, stage.left_over = stage.parse(arguments)
                except Refused as refused:
                    self._tell({"error": str(refused), "dest": refused.dest})
                    continue
                sys.argv[1:] = arguments
                return values, list(stage.left_over)

    def _options(self, argvs: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        """Return the options of all parsers so far, the latest first, each once."""
        found: dict[Any, dict[str, Any]] = {}
        for stage in reversed(self._stages):
            has_subcommands = len(all_parsers(stage.parser)) > 1
            for arguments in argvs if has_subcommands else [()]:
                for option in describe(stage.parser, arguments):
                    found.setdefault((option["dest"], *option["flags"]), option)
        return list(found.values())

    def _result(self, arguments: list[str]) -> dict[str, Any]:
        """Return what the parsers make of the arguments of one experiment."""
        found: dict[str, Any] = {}
        left_over = arguments
        try:
            for stage in self._stages:
                values, left_over = stage.parse(left_over if stage.takes_left_over else arguments)
                found.update(vars(values))
        except Refused as refused:
            return {"error": str(refused), "dest": refused.dest}
        except Exception as error:  # noqa: BLE001  a type or an action of the script's own may raise anything
            try:
                told = str(error)
            except Exception:  # noqa: BLE001  so may its error, when its text is asked for
                told = "<exception str() failed>"
            return {"error": f"{type(error).__name__}: {told}", "dest": None}
        shown = {key: plain(value) for key, value in found.items() if not key.startswith("_")}
        return {"values": shown, "left_over": left_over}

    def _tell(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, default=repr).encode() + b"\n"
        while line:
            line = line[self._lines.write(line) :]

    def _hear(self) -> dict[str, Any]:
        line = b""
        while line[-1:] != b"\n":
            line += self._lines.read(1 << 16) or os._exit(0)
        request: dict[str, Any] = json.loads(line)
        return request


def _callers(parser: argparse.ArgumentParser) -> list[str]:
    """Return the functions of the parser through which the script called it, the innermost first."""
    names: list[str] = []
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None and len(names) < 12:
        name, known = frame.f_code.co_name, frame.f_locals
        if known.get("self") is not parser and name != "parse_known_args":
            break
        if not known.get("return_remaining_strings"):  # of Hugging Face's parser
            names.append(name)
        frame = frame.f_back
    return names


def _gave_none(parser: argparse.ArgumentParser) -> bool:
    """Return whether the script left the arguments to the parser, which has looked them up before it came here."""
    frame: types.FrameType | None = sys._getframe(2)
    for _ in range(12):
        if frame is None:
            return False
        known = frame.f_locals
        if known.get("self") is parser and frame.f_code.co_name in _STRICT and known.get("args", ()) is None:
            return True
        frame = frame.f_back
    return False


def _has_subgroups(parser: Any) -> bool:
    """Return whether a parser of simple_parsing has the options of the choices that these arguments make, for good."""
    wrappers = getattr(parser, "_wrappers", ())
    return any(getattr(field, "is_subgroup", False) for wrapper in wrappers for field in getattr(wrapper, "fields", ()))


def _is_helper(parser: argparse.ArgumentParser) -> bool:
    """Return whether another parser has called this one, for a purpose of its own."""
    frame: types.FrameType | None = sys._getframe(3)
    for _ in range(12):
        if frame is None:
            return False
        caller = frame.f_locals.get("self")
        if isinstance(caller, argparse.ArgumentParser) and caller is not parser:
            return True
        frame = frame.f_back
    return False


def _change(before: list[str], after: list[str]) -> Callable[[Sequence[str]], list[str]]:
    """Return how the script has changed its arguments before it parsed them, as a function for other arguments."""
    if after == before[len(before) - len(after) :]:  # it has taken some from the front
        return lambda arguments: list(arguments)[len(before) - len(after) :]
    if after[: len(before)] == before:  # it has added some
        return lambda arguments: [*arguments, *after[len(before) :]]
    gone = list(before)
    for word in after:
        if word in gone:
            gone.remove(word)

    def without(arguments: Sequence[str]) -> list[str]:
        """Return arguments without the words that are gone."""
        kept = list(arguments)
        for word in gone:
            if word in kept:
                kept.remove(word)
        return kept

    return without


def _refuse(parser: argparse.ArgumentParser) -> Callable[[str], None]:
    def error(message: str) -> None:
        """Stand in for the method of the parser."""
        cause = sys.exc_info()[1]
        if isinstance(cause, argparse.ArgumentError):
            raise Refused(cause.message, _dest(parser, cause))
        raise Refused(message)

    return error


def _dest(parser: argparse.ArgumentParser, error: argparse.ArgumentError) -> str | None:
    """Return the `dest` of the option that an error names."""
    for known in all_parsers(parser):
        for action in known._actions:
            if argparse._get_action_name(action) == error.argument_name:
                return action.dest
    return None


def all_parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return a parser and those of its subcommands, at any depth."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in dict.fromkeys(action.choices.values()):
                found += all_parsers(inner)
    return found


def describe(parser: argparse.ArgumentParser, words: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the options of a parser, and of those subcommands that stand in `words`, as JSON data.

    The options of a subcommand come first: what is typed after its name is for its parser.
    """
    options: list[dict[str, Any]] = []
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._VersionAction)):
            continue
        if isinstance(action, argparse._SubParsersAction):
            place = next((place for place, word in enumerate(words) if word in action.choices), None)
            if place is not None:
                options = describe(action.choices[words[place]], words[place + 1 :]) + options
        options.append(_option(parser, action))
    return options


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> dict[str, Any]:
    flags = list(action.option_strings)
    is_appended = isinstance(action, argparse._AppendAction) and not isinstance(action, argparse._ExtendAction)
    default = parser.get_default(action.dest)
    return {
        "dest": action.dest,
        "flags": flags,
        "negative_flags": [flag for flag in flags if flag[:5] == "--no-" and "--" + flag[5:] in flags],
        "kind": _kind(action),
        "default": None if default is argparse.SUPPRESS else plain(default),
        "const": plain(action.const),
        "may_be_bare": action.nargs == argparse.OPTIONAL,
        "repeats": is_appended or isinstance(action, argparse._AppendConstAction),
        "grows": isinstance(action, argparse._AppendAction),
        "type_name": getattr(action.type, "__name__", "") or "",
        "choices": [plain(choice) for choice in action.choices or ()],
        "help": "" if action.help in (None, argparse.SUPPRESS) else str(action.help),
        "required": bool(action.required),
    }


def _kind(action: argparse.Action) -> str:
    negatable = getattr(argparse, "BooleanOptionalAction", None)  # since Python 3.9
    if negatable is not None and isinstance(action, negatable):
        return "negatable"
    if isinstance(action, argparse._CountAction):
        return "count"
    if action.nargs == 0:
        return "flag"
    if action.nargs in (None, argparse.OPTIONAL) and not isinstance(action, argparse._AppendAction):
        return "value"
    return "value" if isinstance(action, argparse._SubParsersAction) else "list"


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what has no such form as its repr."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else repr(value)


def run(words: Sequence[str]) -> None:
    """Run a script, or with `-m` a module, as Python itself would."""
    is_module = words[0] == "-m"
    if sys.path[:1] == [os.path.dirname(os.path.abspath(__file__))]:  # not with -P or -I
        sys.path[0] = os.getcwd() if is_module else os.path.dirname(os.path.realpath(words[0]))
    sys.argv = list(words[is_module:])
    if is_module:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        return
    module = types.ModuleType("__main__")
    module.__file__ = words[0]
    sys.modules["__main__"] = module
    with open(words[0], "rb") as file:
        code = compile(file.read(), words[0], "exec", dont_inherit=True)
    exec(code, vars(module))


def main() -> None:
    """Begin in the child process."""
    fd, num_calls, words = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(fd, False)
    Probe(fd, num_calls).watch(words[2:] if words[0] == "-m" else words[1:])
    run(words)


if __name__ == "__main__":
    main()
