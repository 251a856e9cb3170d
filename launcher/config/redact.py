"""Hides secrets: which values of a configuration are shown as `***` in files, on screens and in messages. Pure.

The words of a key tell whether its value is a secret: `api_key`, `hub.token`, `dbPassword`, `credentials`. Words end at
`_`, `-`, `.` and before a capital letter. Only two things are made of the true values: the worker's configuration and
the digest. Values that are not secrets must stay readable:

    max_tokens = 128, token_limit = 9      numbers and booleans are no secrets, except the number of a password
    tokenizer, monkey, author              other words that contain `token`, `key` or `auth`
    eos_token = "</s>", mask_token         tokens of a vocabulary, known by the word before or by brackets
    sort_key, key_dim                      `key` needs a word such as `api` before it, or a value that looks like a key
    password_file = "p.txt"                where the secret is, not the secret
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

HIDDEN = "***"
_NUMBERS = (int, float, bool, type(None))
_SHORTEST = 6  # of a secret that is looked for in texts: a shorter one stands in other words too


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ALWAYS = _set(
    "password passwords passwd passphrase passcode pwd secret secrets credential credentials apikey accesskey "
    "privatekey secretkey authtoken accesstoken bearer authorization auth jwt"
)
_WHOLE = _set("password passwd passphrase passcode pwd secret")  # with such a name, a number is a secret too
_TOKENS, _KEYS = _set("token tokens"), _set("key keys")
_OF_A_VOCABULARY = _set(
    "pad eos bos unk sep cls mask start end stop begin special extra additional image audio video text prefix suffix "
    "first last next prev blank newline space boundary delimiter word sub byte max min num per"
)
_OF_A_LOCK = _set(
    "api access private secret ssh auth service account signing encryption decryption client license subscription "
    "wandb hf hub huggingface openai anthropic aws azure gcp google github gitlab comet neptune mlflow clearml s3 "
    "deploy master storage session webhook stripe"
)
_ABOUT_IT = _set("file files path dir folder type kind method mode scheme name env length len size dim")
_LOOKS_SECRET = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_-]{16,}")
_IN_BRACKETS = re.compile(r"[<\[(|{].*[>\])|}]", re.S)
_SAMPLE = "k3y" * 8  # a text that looks like a key: under a name that hides it not, nothing is hidden
_LOGIN = re.compile(r"(?<=://)([^/\s:@]+):([^/\s@]+)(?=@)")  # https://name:password@host
_NAME = re.compile(r"(?<![A-Za-z])([A-Za-z][\w.-]{0,199})\s{0,99}[=:]\s{0,99}")  # bounded: it takes linear time
_VALUE = re.compile(r"""("[^"]*"|'[^']*'|[^\s,;&{["'][^\s,;&]*(?: [^\s,;&]+)?)""")
_SET = ("-S", "--set")
_PLACEHOLDER = re.compile(r"\{[\w.-]+\}")  # of a command: it stands for a value and holds none


def is_secret(key: str, value: Any) -> bool:
    """Return whether a value, neither table nor list, is a secret, by the words of its key."""
    if isinstance(value, bool) or value is None or value == "":
        return False
    words = _words(key)
    if not words or (words[-1] in _ABOUT_IT and len(words) > 1):
        return False
    if not isinstance(value, str):
        return words[-1] in _WHOLE
    if not _ALWAYS.isdisjoint(words) or _has_lock(words):
        return True
    before = words[-2] if len(words) > 1 else ""
    if words[-1] in _TOKENS:
        return before not in _OF_A_VOCABULARY and _IN_BRACKETS.fullmatch(value) is None
    return words[-1] in _KEYS and (not before or _LOOKS_SECRET.fullmatch(value) is not None)


@lru_cache(maxsize=4096)
def _is_secret_number(key: str) -> bool:
    return is_secret(key, 1)


@lru_cache(maxsize=4096)
def _words(key: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(key))


def shown(key: str, value: Any) -> Any:
    """Return a value as it may be shown: `***` for a secret; secrets inside tables and lists are hidden."""
    return _shown(key, value, is_inside=False)


def table(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as it may be shown, with its secrets hidden."""
    return {key: shown(key, value) for key, value in values.items()}


def keys(values: Mapping[str, Any], before: str = "") -> list[str]:
    """Return the dotted keys of a table whose values, or parts of them, are hidden."""
    found = []
    for key, value in values.items():
        if type(value) in _NUMBERS:  # most values are; whether a number is a secret, its key alone says
            if _is_secret_number(key) and is_secret(key, value):
                found.append(f"{before}{key}")
        elif type(value) is str:
            if value and shown(key, value) != value:
                found.append(f"{before}{key}")
        elif isinstance(value, Mapping) and not is_secret(key, "x"):
            found += keys(value, f"{before}{key}.")
        elif repr(shown(key, value)) != repr(value):  # by repr, because NaN is not equal to NaN
            found.append(f"{before}{key}")
    return found


def secrets(values: Mapping[str, Any]) -> list[str]:
    """Return the texts in a table that are hidden, the longest first, for `without`. Short ones are left out."""
    found = set(_hidden_texts("", values, is_inside=False))
    return sorted((value for value in found if len(value) >= _SHORTEST), key=len, reverse=True)


def without(value: str, hidden: Iterable[str]) -> str:
    """Return a text of others, such as an error that a script raised, with `***` in place of these secrets."""
    for secret in hidden:
        value = value.replace(secret, HIDDEN)
    return value


def _hidden_texts(key: str, value: Any, *, is_inside: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        inside = is_inside or (key != "" and is_secret(key, "x"))
        for name, inner in value.items():
            yield from _hidden_texts(str(name), inner, is_inside=inside)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _hidden_texts(key, entry, is_inside=is_inside)
    elif is_secret(key, value) or (is_inside and isinstance(value, str)):
        yield str(value)
    elif isinstance(value, str):
        yield from (password for _, password in _LOGIN.findall(value))


def words(argv: Sequence[str]) -> list[str]:
    """Return the words of a command line as they may be shown: `-S api_key=***`, `--token ***`."""
    found: list[str] = []
    option = ""  # the word before, if it is an option whose value follows
    for word in argv:
        if option in _SET:
            found.append(_setting(word))
        elif option and not word.startswith("-") and is_secret(option, _typed(word)):
            found.append(word if _PLACEHOLDER.fullmatch(word) else HIDDEN)
        elif word.startswith("-S") or word.startswith("--set="):
            size = 2 if word.startswith("-S") else 6
            found.append(word[:size] + _setting(word[size:]))
        else:
            found.append(text(word))
        option = word if word.startswith("-") and "=" not in word else ""
    return found


def secrets_in(argv: Sequence[str]) -> list[str]:
    """Return what `words` hides in the words of a command line."""
    found = []
    for word, shown_word in zip(argv, words(argv), strict=True):
        before, hidden, _ = shown_word.partition(HIDDEN)
        after = shown_word.rpartition(HIDDEN)[2]
        if hidden and shown_word != word:
            found.append(word[len(before) : len(word) - len(after)])
    return [secret for secret in found if len(secret) >= _SHORTEST]


def _setting(word: str) -> str:
    """Return a `key=value` of -S; the whole value of a secret is hidden, however it is written."""
    key, sign, value = word.partition("=")
    return f"{key}={HIDDEN}" if sign and is_secret(key, _typed(value)) else text(word)


def _typed(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value.strip("\"'")


def text(value: str) -> str:
    """Return a text as it may be shown: in each `key=value` or `key: value` of a secret, the value is hidden."""
    parts, place = [], 0
    while (name := _NAME.search(value, place)) is not None:
        parts.append(value[place : name.end()])
        place = name.end()
        found = _VALUE.match(value, place) if is_secret(name[1], _SAMPLE) else None
        if found is not None and is_secret(name[1], _typed(found[0])):
            parts.append(HIDDEN)
            place = found.end()  # else what follows may be a name itself, as in `KeyError: api_key=…`
    return _LOGIN.sub(rf"\1:{HIDDEN}", "".join([*parts, value[place:]]))


def _shown(key: str, value: Any, *, is_inside: bool) -> Any:
    if isinstance(value, Mapping):
        inside = is_inside or is_secret(key, "x")
        changed = {name: _shown(name, inner, is_inside=inside) for name, inner in value.items()}
        return value if changed == value else changed
    if isinstance(value, (list, tuple)):  # no `list | tuple`: a training script may run in Python 3.8
        hidden = [_shown(key, entry, is_inside=is_inside) for entry in value]
        return value if hidden == list(value) else hidden
    if is_secret(key, value) or (is_inside and isinstance(value, str) and value):
        return HIDDEN
    return _LOGIN.sub(rf"\1:{HIDDEN}", value) if isinstance(value, str) and "://" in value else value


def _has_lock(words: Iterable[str]) -> bool:
    """Return whether the words contain a pair such as `api key`."""
    before = ""
    for word in words:
        if word in _KEYS and before in _OF_A_LOCK:
            return True
        before = word
    return False
