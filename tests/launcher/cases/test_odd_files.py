"""Odd files and values: what lies in a sweep's folder, or stands in its files, ends at most its own experiment."""

from __future__ import annotations

import json
import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.devices.locks import lock_device, lock_file
from launcher.errors import InputError
from launcher.planning.job import load
from launcher.sinks.text_log import TextLog
from launcher.store import files, values
from launcher.store.events import EventLog, Started
from launcher.store.files import OddFile
from launcher.store.locks import find_holder, lock_folder
from launcher.store.paths import Paths, write_atomic
from launcher.store.records import RecordReader, RecordWriter
from launcher.store.requests import clear, make_request, send
from tests.launcher.conftest import Workplace


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # the address has room for a hundred characters
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


ODD: dict[str, Callable[[Path], None]] = {
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a symbolic link": lambda path: path.symlink_to(path.parent.parent / "stranger.txt"),
    "a symbolic link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a symbolic link to itself": _loop,
}


@pytest.mark.parametrize("kind", ODD)
def test_F12_what_is_no_file_is_refused_at_once_and_named(tmp_path: Path, kind: str) -> None:
    stranger = tmp_path / "stranger.txt"
    stranger.write_text("not ours\n")
    path = tmp_path / "sweep" / "a"
    path.parent.mkdir()
    ODD[kind](path)
    for use in (files.read, lambda path: list(files.read_lines(path)), files.open_to_append):
        with pytest.raises(OddFile) as refused:
            use(path)
        assert refused.value.strerror == f"it is {kind.split(' to ')[0]}, not a file"
    assert stranger.read_text() == "not ours\n"


def test_F12_a_file_is_read_up_to_a_limit_and_lines_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(1 << 30)  # no block on the disk
    with pytest.raises(OddFile, match=r"it has 1,073,741,824 bytes, and such a file has at most 268,435,456"):
        files.read(path)
    monkeypatch.setattr(files, "LINE_BYTES", 3000)
    monkeypatch.setattr(files, "CHUNK_BYTES", 1000)
    path.write_bytes(b"x" * 2999 + b"\n" + b"y" * 5000 + b"\n" + b"z\n" + b"y" * 9000 + b"\nlast\ntorn")
    assert list(files.read_lines(path)) == [b"x" * 2999, b"z", b"last"]
    assert list(files.read_lines(tmp_path / "none")) == list(files.read_lines(path / "none")) == []


DEEP = b"[" * 100_000


@pytest.mark.parametrize("data", [DEEP, b'{"a":' * 100_000, b"1" * 10_000, b"\xff\xfe", b"", b"\0" * 100, b"{'a': 1}"])
def test_F12_what_is_no_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        values.load(data)
    assert values.load_object(data) is None


def test_F6_a_number_that_no_float_holds_is_no_number() -> None:
    huge, nan = 10**400, float("nan")
    assert [values.number(one) for one in (huge, -huge, "1", None, [1], 2)] == [None, None, None, None, None, 2.0]
    assert [values.finite(one) for one in (nan, float("inf"), huge, 0.5)] == [None, None, None, 0.5]
    assert [values.whole(one) for one in (huge, -1, True, 1.0, "1", 7)] == [None] * 5 + [7]


def test_F13_what_a_link_leads_to_is_never_changed(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.txt"
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()

    def _write_records(path: Path) -> None:
        RecordWriter(path, 1).close()

    def _write_event(path: Path) -> None:
        log = EventLog(path)
        log.append(Started("a", 1, "cpu", 1))
        log.close()

    def _write_log(path: Path) -> None:
        log = TextLog(path)
        if log.error is not None:
            raise log.error
        log.ending("x")
        log.close()

    def _lock(path: Path) -> None:
        lock_folder(path).release()

    writers = {
        paths.records("a"): _write_records,
        paths.events: _write_event,
        paths.log("a"): _write_log,
        paths.lock: _lock,
        paths.sweep: lambda path: write_atomic(path, "x"),
    }
    for link in (os.symlink, os.link):
        for path, write in writers.items():
            stranger.write_text("no line of ours, and no end of the line")
            link(stranger, path)
            if link is os.symlink and write is not writers[paths.sweep]:
                with pytest.raises(Exception, match=r"it is a symbolic link, not a file"):
                    write(path)
            else:
                write(path)
                assert path.stat().st_nlink == 1
            assert stranger.read_text() == "no line of ours, and no end of the line", path
            assert stat.S_IMODE(stranger.stat().st_mode) == stat.S_IMODE(path.stat().st_mode) or not path.is_symlink()
            path.unlink()


def test_F13_a_backup_of_hard_links_stays_as_it_was_while_the_sweep_goes_on(tmp_path: Path) -> None:
    path, backup = tmp_path / "a.jsonl", tmp_path / "backup.jsonl"
    for attempt in (1, 2):
        writer = RecordWriter(path, attempt)
        writer.write({"loss": 1.0}, attempt)
        writer.close()
        if attempt == 1:
            os.link(path, backup)
    assert [record["n"] for record in RecordReader(path).read()] == [1, 2]
    assert [record["n"] for record in RecordReader(backup).read()] == [1]
    lock, other = tmp_path / ".lock", tmp_path / "backup.lock"
    lock_folder(lock).release()
    os.link(lock, other)
    held = lock_folder(lock)
    assert find_holder(lock) is not None
    assert find_holder(other) is None, "the backup is not at work"
    held.release()


def test_F13_requests_behind_a_link_are_not_removed_and_none_is_put_there(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "precious.json").write_text("{}")
    (tmp_path / "requests").symlink_to(theirs)
    clear(tmp_path / "requests")
    with pytest.raises(OddFile, match="symbolic link"):
        send(tmp_path / "requests", make_request("stop", ()))
    assert [path.name for path in theirs.iterdir()] == ["precious.json"]


def test_24_files_and_folders_have_the_modes_the_umask_leaves(tmp_path: Path) -> None:
    for umask, mode in ((0o077, 0o600), (0o002, 0o664), (0o022, 0o644)):
        before = os.umask(umask)
        try:
            paths = Paths(tmp_path / f"{umask:o}", tmp_path / f"{umask:o}" / "logs")
            paths.create()
            RecordWriter(paths.records("a"), 1).close()
            EventLog(paths.events).close()
            TextLog(paths.log("a")).close()
            lock_folder(paths.lock).release()
            write_atomic(paths.sweep, json.dumps({}))
            send(paths.requests, make_request("stop", ()))
        finally:
            os.umask(before)
        made = list(paths.outcome.rglob("*"))
        assert len(made) == 10, made
        for path in made:
            expected = mode | (0o111 & ~umask) if path.is_dir() else mode
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_F12_a_job_file_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    odd = {kind: make for kind, make in ODD.items() if kind not in ("a symbolic link", "a symbolic link to itself")}
    for number, (kind, make) in enumerate(odd.items()):
        job = tmp_path / f"job{number}.toml"
        make(job)
        named = "a device" if kind.endswith("device") else kind
        with pytest.raises(InputError, match=rf"cannot read the job file .*: it is {named}, not a file\."):
            load(job)
    _loop(tmp_path / "loop.toml")
    with pytest.raises(InputError, match=r"cannot read the job file"):
        load(tmp_path / "loop.toml")
    (tmp_path / "job.toml").write_text('[sweep]\ntarget = "t:f"\n[experiments]\na = {}\n')
    (tmp_path / "link.toml").symlink_to("job.toml")
    assert list(load(tmp_path / "link.toml").experiments) == ["a"], "a link to a job file is one"


@pytest.mark.slow
def test_24_a_launch_makes_files_that_the_umask_allows(place: Workplace) -> None:
    job = place.toy({"a": {"act": "checkpoint", "at": 2}}, checkpoint_s=0, telemetry_s=0.1)
    for umask, mode in ((0o077, 0o600), (0o002, 0o664)):
        folders = [f"{what}{umask:o}" for what in ("outcome", "logs")]
        options = ("--devices", "cpu", "--outcome", folders[0], "--logs", folders[1])
        process = place.start(str(job), *options, preexec_fn=lambda umask=umask: os.umask(umask))
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        made = [path for folder in folders for path in [place.folder / folder, *(place.folder / folder).rglob("*")]]
        assert {path.name for path in made} >= {"sweep.json", "report.html", "report.md", "a.jsonl", "a.log", ".lock"}
        for path in made:
            expected = mode | (0o111 & ~umask) if path.is_dir() else mode
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_24_the_locks_of_devices_are_for_all_users_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNCHER_LOCKS", str(tmp_path / "locks"))
    before = os.umask(0o077)
    try:
        lock = lock_device("GPU-1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "locks").stat().st_mode) == 0o1777
    assert stat.S_IMODE(lock_file("GPU-1").stat().st_mode) == 0o666
    lock.release()
    stranger = tmp_path / "stranger"
    stranger.write_text("theirs")
    os.link(stranger, lock_file("GPU-2"))
    lock_device("GPU-2").release()
    assert stranger.read_text() == "theirs"


def test_two_users_with_temporary_folders_of_their_own_share_the_locks_of_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAUNCHER_LOCKS", raising=False)
    found = set()
    for user in ("one", "two"):
        (tmp_path / user).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / user))
        found.add(lock_file("GPU-1"))
    assert len(found) == 1
