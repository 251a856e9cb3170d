"""What `sweep.json` says of a launch: its keys, values of the wrong type, what other versions have written, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.store.launch_info import LaunchInfo, Placement
from launcher.store.locks import Holder

WRITTEN: dict[str, Any] = {
    "at": "2026-01-31T09:30:00+01:00",
    "host": "gpu7",
    "pid": 812,
    "cwd": "/home/me",
    "argv": ["python", "run"],
    "python": "3.11.7",
    "system": "Linux",
    "versions": {"torch": "2.13"},
    "mode": "parallel",
    "start_method": "forkserver",
    "set": {"lr": 0.1},
    "origin": {"job": "/home/me/a.toml"},
    "commit": "abc-dirty",
    "attempts": {"a": 2},
    "slots": [{"device": "GPU 3", "uuid": "GPU-1", "threads": 4, "share": "1/2"}],
}


def test_what_was_written_is_read_and_written_again_with_its_keys_in_their_order() -> None:
    launch = LaunchInfo.from_json(WRITTEN)
    assert (launch.cli_overrides, launch.is_parallel, launch.attempts) == ({"lr": 0.1}, True, {"a": 2})
    assert launch.slots == [Placement("GPU 3", "GPU-1", 4, "1/2")]
    assert list(launch.to_json().items()) == list(WRITTEN.items())


def test_what_another_version_has_written_is_kept() -> None:
    content = WRITTEN | {"cluster": {"name": "c"}, "slots": [WRITTEN["slots"][0] | {"node": "n1"}]}
    assert LaunchInfo.from_json(content).to_json() == content


@pytest.mark.parametrize("key", WRITTEN)
@pytest.mark.parametrize("value", [None, 3.5, True, [[]], {"x": [1]}, -1], ids=repr)
def test_a_value_of_the_wrong_type_is_left_out(key: str, value: object) -> None:
    launch = LaunchInfo.from_json(WRITTEN | {key: value})
    assert LaunchInfo.from_json(launch.to_json()) == launch
    field = {"set": "cli_overrides"}.get(key, key)
    if not isinstance(value, dict) or key not in ("versions", "set", "origin", "attempts"):
        assert not getattr(launch, field)


def test_a_launch_without_values_says_nothing() -> None:
    assert LaunchInfo.from_json({}) == LaunchInfo()
    assert LaunchInfo.from_json({"slots": [3, {"device": 3, "threads": "x"}]}).slots == [Placement()]


def test_secrets_are_hidden_when_a_launch_is_read_and_when_it_is_written() -> None:
    argv = ["run", "-S", "api_key=s3cret"]
    for launch in (LaunchInfo(argv=argv, cli_overrides={"api_key": "s3cret"}).to_json(),
                   LaunchInfo.from_json({"argv": argv, "set": {"api_key": "s3cret"}}).to_json()):  # fmt: skip
        assert "s3cret" not in str(launch)


def test_a_slot_knows_its_gpu_and_how_many_share_it() -> None:
    assert (Placement("GPU 3", share="1/2").gpu_id, Placement("GPU 3", share="1/2").slots_per_device) == ("3", "2")
    assert (Placement("cpu:1").gpu_id, Placement("cpu:1").slots_per_device) == (None, "")


def test_a_launch_is_told_from_others_by_process_and_host() -> None:
    launch = LaunchInfo(pid=5, host="here")
    assert launch.is_by(Holder(5, "here"))
    assert not launch.is_by(Holder(6, "here"))
    assert not launch.is_by(Holder(5, "there"))
    assert not launch.is_by(Holder())
