"""Which values are secrets, by the words of their keys, and how text around them is shown."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.config import redact


@pytest.mark.parametrize(
    ("key", "value", "is_hidden"),
    [
        ("api_key", "abc", True),
        ("hub.token", "abc", True),
        ("dbPassword", "abc", True),
        ("pwd", 1234, True),
        ("max_tokens", 128, False),
        ("tokenizer", "gpt2", False),
        ("monkey", "abc", False),
        ("eos_token", "abc", False),
        ("token", "<pad>", False),
        ("sort_key", "name", False),
        ("password_file", "p.txt", False),
        ("secret", "", False),
        ("secret", True, False),
    ],
)
def test_the_words_of_a_key_say_whether_its_value_is_a_secret(key: str, value: Any, is_hidden: bool) -> None:
    assert redact.is_secret(key, value) is is_hidden


def test_a_table_keeps_its_shape_and_what_is_no_secret() -> None:
    values = {"lr": 0.1, "auth": {"user": "me", "tries": 3}, "logins": [{"token": "x"}, "https://me:pw@host"]}
    shown = {"lr": 0.1, "auth": {"user": "***", "tries": 3}, "logins": [{"token": "***"}, "https://me:***@host"]}
    assert redact.table(values) == shown
    assert redact.keys(values) == ["auth", "logins"]
    assert redact.table({"lr": 0.1}) == {"lr": 0.1}


def test_words_of_a_command_line_and_assignments_in_a_text() -> None:
    argv = ["run", "-S", "api_key='a b'", "--token", "x", "-Ssecret=1", "--set=lr=2", "--outcome", "o"]
    assert redact.words(argv) == [
        "run", "-S", "api_key=***", "--token", "***", "-Ssecret=***", "--set=lr=2", "--outcome", "o",
    ]  # fmt: skip
    assert redact.text('ValueError: password: "hunter2", lr=3') == "ValueError: password: ***, lr=3"
    assert redact.text("KeyError: api_key=abc") == "KeyError: api_key=***"
    assert redact.text("GET https://host/x?lr=3&token=abc") == "GET https://host/x?lr=3&token=***"
    assert redact.text("step: 3, note = plain") == "step: 3, note = plain"


def test_secrets_are_hidden_in_a_text_of_others_the_longest_first() -> None:
    values = {"api_key": "abcdef", "hub": {"token": "abcdefgh"}, "logins": [{"password": "x1"}], "lr": 0.5}
    secrets = redact.secrets({"config": values, "env": {"WANDB_API_KEY": "k3yk3y", "HOME": "/root"}})
    assert secrets == ["abcdefgh", "abcdef", "k3yk3y"] or secrets == ["abcdefgh", "k3yk3y", "abcdef"]
    assert redact.without("401 for abcdefgh, abcdef or k3yk3y: x1", secrets) == "401 for ***, *** or ***: x1"
