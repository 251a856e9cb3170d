"""Asks a script's parser, by way of `parser_probe`, what options it has and what it says to each experiment.

A parser names only the first problem of its arguments. So a key that is refused is left out, and the rest is parsed
again, until nothing more is refused: a person is told all problems at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.command.options import ScriptOption, find_option, folded
from launcher.command.spelling import DASHED, SpellingError, match_keys
from launcher.config import redact
from launcher.config.nested import KeyPath, dotted, without
from launcher.config.validation import FieldError
from launcher.planning import parser_probe
from launcher.planning.check_request import CheckRequest
from launcher.planning.script_child import Conversation, Ended
from launcher.planning.script_program import Program
from launcher.text import did_you_mean, inline, listed

_REQUIRED = "the following arguments are required: "
_UNKNOWN = "unrecognized arguments: "
_ROUNDS = 50


class Talk:
    """One run of a script up to its parser, and what came of it."""

    def __init__(
        self,
        request: CheckRequest,
        program: Program,
        num_parses: int,
        arguments: Mapping[str, list[str]],
        at_parser: Callable[[], None],
    ) -> None:
        """Prepare it.

        `arguments`: of the script for each experiment, spelled without knowing its options.
        `at_parser`: is called when the script has come to its first parser.
        """
        self.options: list[ScriptOption] = []
        self.problems: dict[str, list[FieldError]] = {name: [] for name in request.experiments}
        self.defaults: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.is_of_one = False  # the parser has other options for other arguments, so each experiment needs a run
        self.is_late = False  # the time limit was over before the script came to its parser
        self._request = request
        self._program = program
        self._num_parses = num_parses
        self._at_parser = at_parser
        self._arguments = dict(arguments)
        self._is_strict = True
        self._unknown: dict[str, str] = {}  # by key: what is told of it; the options are listed behind the first
        self._dropped: dict[str, list[KeyPath]] = {name: [] for name in request.experiments}
        self._shifted: set[str] = set()  # experiments without one of their positional arguments: the others moved up

    def hold(self, environment: Mapping[str, str]) -> Ended | None:
        """Run the script and talk with its parser. Returns None, or how the script ended before it parsed."""
        # The experiment with the most arguments: a script that gets none may print its help and end.
        start = max(self._arguments, key=lambda name: len(self._arguments[name]))
        script = [*self._program.words, *self._arguments[start]]
        probe = [str(Path(parser_probe.__file__)), str(self._num_parses)]
        conversation = Conversation(self._program.before, probe, script, self._request.folder, environment)
        try:
            is_held = self._reach_last(conversation, start) and self._check_all(conversation)
        except TimeoutError:
            is_held, self.is_late = False, True
        finally:
            ended = conversation.end()
        return None if is_held else ended

    def _reach_last(self, conversation: Conversation, start: str) -> bool:
        """Come to the last parser of the script. Returns False if the script has ended before."""
        message = conversation.hear()
        if message is not None:
            self._at_parser()
        while message is not None and not message.get("is_last"):
            if not self._describe(conversation):
                return False
            message = conversation.ask({"go_on": self._words(start)})
            while message is not None and "error" in message:
                if not self._refuse(start, message):
                    return True  # it is told, and there is no way on
                message = conversation.ask({"go_on": self._words(start)})
        return message is not None and self._describe(conversation)

    def _describe(self, conversation: Conversation) -> bool:
        answer = conversation.ask({"describe": list(self._arguments.values())})
        if answer is not None:
            self.options = [ScriptOption.from_data(option) for option in answer["options"]]
            self._is_strict, self.is_of_one = answer["is_strict"], answer["is_of_one"]
        return answer is not None

    def _check_all(self, conversation: Conversation) -> bool:
        """Have the parser parse the arguments of every experiment. Returns False if the script has ended."""
        if self.is_of_one and len(self._arguments) > 1:
            return True
        waiting = [name for name in self._arguments if not self.problems[name]]
        for name in waiting:
            self._check_keys(name)
        for _ in range(_ROUNDS):
            words = {name: self._words(name) for name in waiting}
            waiting = [name for name in waiting if name not in self._shifted]
            answer = conversation.ask({"parse": [words[name] for name in waiting]})
            if answer is None:
                return False
            results = zip(waiting, answer["results"], strict=True)
            waiting = [name for name, result in results if not self._is_settled(name, result)]
            if not waiting:
                break
        return True

    def _words(self, name: str) -> list[str]:
        """Return the script's arguments for an experiment, without the keys that were refused."""
        while True:
            values = without(self._request.experiments[name], self._dropped[name])
            try:
                return self._request.fill(name, values, self.options)[self._program.num_before :]
            except SpellingError as error:
                for path, message in error.problems:
                    self._drop(name, path, message)

    def _drop(self, name: str, path: KeyPath, message: str) -> None:
        """Note a problem of a key, and do without the key from now on."""
        self.problems[name].append(FieldError(path, message))
        self._dropped[name].append(path)
        option = find_option(".".join(path), self.options)
        if option is not None and not option.flags:
            self._shifted.add(name)

    def _keys(self, name: str) -> list[tuple[KeyPath, ScriptOption | None]]:
        """Return the keys of an experiment that are spelled as arguments, each with its option."""
        values = without(self._request.experiments[name], self._dropped[name])
        known = self.options if self._request.style in DASHED else []
        matched = match_keys(values, known)
        return [(path, option) for path, _, option in matched if dotted(path) not in self._request.taken]

    def _check_keys(self, name: str) -> None:
        """Note the keys that no option takes, and those that stand in the command too."""
        if self._request.style not in DASHED:
            return
        typed = {word.partition("=")[0] for word in self._request.command if word.startswith("-")}
        for path, option in self._keys(name):
            if option is None:
                self._note_unknown(name, path)
            elif (twice := typed & {*option.flags}) and not option.repeats:
                self._drop(name, path, f"is given twice: {sorted(twice)[0]} stands in the command too")

    def _note_unknown(self, name: str, path: KeyPath) -> None:
        key = ".".join(path)
        names = [option.name for option in self.options if option.dest != "==SUPPRESS=="]
        longer = [known for known in names if folded(known).startswith(folded(key))]
        script = inline(self._program.name)
        if not longer and not self._is_strict:
            note = (
                f"{script} lets unknown arguments pass; {inline(key)} is not an option of it.{did_you_mean(key, names)}"
            )
            self.notes += [note] if note not in self.notes else []
            return
        whole = " or ".join(f'"{inline(known)}"' for known in longer[:3])
        what = f"is not the whole name of an option of {script}: write {whole}."
        what = what if longer else f"is not an option of {script}.{did_you_mean(key, names)}"
        listing = "" if self._unknown else f"\n  Options: {listed(names, 40) or 'none'}"
        self._drop(name, path, self._unknown.setdefault(key, what + listing))

    def _is_settled(self, name: str, result: Mapping[str, Any]) -> bool:
        """Take what the parser made of an experiment's arguments. Returns whether it need not parse them again."""
        if "values" not in result:
            return not self._refuse(name, result)
        given = {option.dest for _, option in self._keys(name) if option is not None}
        self.defaults[name] = {key: value for key, value in result["values"].items() if key not in given}
        return True

    def _refuse(self, name: str, result: Mapping[str, Any]) -> bool:
        """Note why the parser refuses arguments. Returns whether it can parse the rest, without the key at fault."""
        error, dest, script = str(result["error"]), result.get("dest"), inline(self._program.name)
        for path, option in self._keys(name):
            if dest is not None and option is not None and option.dest == dest:
                self._drop(name, path, f"is refused by {script}: {_hidden(path, error)}")
                return True
        taken = next((key for key in sorted(self._request.taken) if folded(key) == folded(dest or "")), None)
        if taken is not None:
            path = tuple(taken.split("."))
            self.problems[name].append(FieldError(path, f"is refused by {script}: {_hidden(path, error)}"))
        elif error.startswith(_REQUIRED):
            self._note_missing(name, error.removeprefix(_REQUIRED).split(", "))
        else:
            flags = next(("/".join(option.flags) for option in self.options if option.dest == dest), "")
            argument = f"argument {flags or dest}: " if dest else ""
            self.problems[name].append(
                FieldError((), f"{script} refuses its arguments: {argument}{inline(error, 500)}")
            )
        return False

    def _note_missing(self, name: str, required: Sequence[str]) -> None:
        """Note the options that the script requires, but for those whose value is refused already."""
        dropped = {folded(".".join(path)) for path in self._dropped[name]}
        for words in required:
            names = words.split("/")
            option = next((find_option(word, self.options) for word in names), None)
            key = option.name if option else names[-1]
            if not dropped & {folded(key), *map(folded, names), *([folded(option.dest)] if option else [])}:
                self.problems[name].append(FieldError((key,), f"is missing: {inline(self._program.name)} requires it"))


def _hidden(path: KeyPath, error: str) -> str:
    """Return what a parser says about a value, but for a value that is a secret."""
    is_secret = redact.shown(path[-1], "x") != "x"
    return "its value, which is a secret, is wrong" if is_secret else inline(error, 500)
