"""Sources are followed while their files grow, and give the same when they are read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launcher.sources.beginning import beginning_now
from launcher.sources.follow import Sources
from launcher.sources.followed_file import PIECE_BYTES
from launcher.sources.source import Found, SourceSpec
from launcher.store.records import RecordReader, RecordWriter

NAMES = st.sampled_from(["step", "epoch", "loss", "n", "kind", "at_s", "@src", "attempt", "steps", "a/b", "", "é", "{"])
TEMPLATES = ("iter {step}: loss {loss}, time {}ms", "step {step}: train loss {}, val loss {val_loss}")


def spec_of(path: Path, kind: str = "templates", **more: object) -> SourceSpec:
    templates = list(TEMPLATES) if kind == "templates" else []
    content = {"kind": kind, "path": str(path), "templates": templates, "begins": {}, "after_step": 0, **more}
    return SourceSpec.from_json(json.loads(json.dumps(content)))


def read_again(*specs: SourceSpec) -> list[Found]:
    return Sources(specs).poll(is_final=True)


def test_each_line_that_matches_is_found_once_with_the_offset_after_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    sources = Sources([spec_of(log)])
    assert sources.poll() == []
    log.write_bytes(b"number of parameters: 10.65M\niter 0: loss 4.2, time 3")
    assert sources.poll() == []
    with log.open("ab") as file:
        file.write(b"ms\nstep 0: train loss 4.1, val loss 4.3\n\xff\x00\niter 1: loss 4.0, time 2ms")
    expected = [Found({"loss": 4.2}, 0, (0, 56)), Found({"val_loss": 4.3}, 0, (0, 93))]
    assert sources.poll() == expected
    assert sources.poll() == []
    assert not sources.is_behind
    assert sources.poll(is_final=True) == [Found({"loss": 4.0}, 1, (0, log.stat().st_size))]
    assert read_again(spec_of(log))[:2] == expected
    assert sources.take_notes() == []


@pytest.mark.parametrize("kind", ["templates", "json", "run"])
def test_a_file_that_is_cut_at_every_byte_gives_the_same(kind: str, tmp_path: Path) -> None:
    log, again = tmp_path / "a.log", tmp_path / "b.log"
    text = (
        b"iter 0: loss 4.2, time 3ms\r\n\r 10%|#  |\r 20%\x1b[32miter 5: loss 4, time 2ms\x1b[0m\n"
        b'\x00\n\xff{"step": 1}\n{"step": 2, "loss": 0.5}\r\n{"kind": "total", "steps": 90}\n'
        b"step 1: train loss 1, val loss 2\niter 2: loss 1, time 2ms"
    )
    again.write_bytes(text)
    sources = Sources([spec_of(log, kind)])
    found = []
    for place in range(len(text)):
        with log.open("ab") as file:
            file.write(text[place : place + 1])
        found += sources.poll()
    found += sources.poll(is_final=True)
    assert found == read_again(spec_of(again, kind))
    assert len(found) == {"templates": 4, "json": 2, "run": 2}[kind]


def test_an_attempt_begins_at_the_end_of_what_was_there(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"iter 0: loss 4.2, time 3ms\n")
    [spec] = beginning_now([spec_of(log)])
    assert spec.begins == {str(log): 27}
    assert SourceSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    with log.open("ab") as file:
        file.write(b"iter 1: loss 4.1, time 3ms\n")
    assert read_again(spec) == [Found({"loss": 4.1}, 1, (0, 54))]


def test_a_line_that_several_templates_match_is_a_single_record(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"lr 0.1\nlr 0.2 loss 3 at 17\nloss 4 at 18 lr 0.3\n")
    found = read_again(spec_of(log, templates=["lr {lr}", "loss {loss} at {step}", "at {now}"]))
    assert [(one.fields, one.step) for one in found] == [
        ({"lr": 0.1}, 1),
        ({"lr": 0.2, "loss": 3, "now": 17}, 17),
        ({"lr": 0.3, "loss": 4, "now": 18}, 18),
    ]


def test_a_step_that_goes_back_is_counted_on_and_told_once(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"epoch {epoch} batch {batch} loss 1\n" for epoch in range(3) for batch in (0, 10, 20)))
    sources = Sources([spec_of(log, templates=["batch {step} loss {loss}"])])
    assert [found.step for found in sources.poll(is_final=True)] == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    [note] = sources.take_notes()
    assert "the step 0 comes after the step 20" in note
    assert sources.take_notes() == []


def test_matches_without_a_step_are_counted_after_the_steps_that_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("loss 3 at 0.5\nloss 2 at 0.7\n")
    assert [found.step for found in read_again(spec_of(log, templates=["loss {loss}"], after_step=10))] == [11, 12]
    sources = Sources([spec_of(log, templates=["loss {loss} at {step}"])])
    assert [found.step for found in sources.poll(is_final=True)] == [1, 2]
    assert "not a whole number" in sources.take_notes()[0]


def test_a_poll_reads_a_piece_and_says_that_there_is_more(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"iter 1: loss 4.1, time 3ms\n" * 10_000)
    sources = Sources([spec_of(log)])
    found = sources.poll()
    assert 0 < len(found) <= PIECE_BYTES // 27 + 1
    assert sources.is_behind
    assert len(found) + len(sources.poll(is_final=True)) == 10_000
    assert not sources.is_behind


def test_a_log_that_is_a_pipe_a_link_or_missing_gives_nothing(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "real").write_bytes(b"iter 1: loss 4.1, time 3ms\n")
    (tmp_path / "link").symlink_to("real")
    for name in ("pipe", "link", "missing", "."):
        assert read_again(spec_of(tmp_path / name)) == []


def test_a_wrong_description_or_template_is_refused() -> None:
    with pytest.raises(ValueError, match="no number that has a name"):
        Sources([SourceSpec(kind="templates", path="/a", templates=("loss",))])
    for content in ({}, [], {"kind": "csv", "path": "a", "templates": [], "after_step": 0}):
        with pytest.raises(ValueError):  # noqa: PT011
            SourceSpec.from_json(content)


def test_the_bar_of_keras_gives_its_last_update_only(tmp_path: Path) -> None:
    """Nine updates an epoch with carriage returns, backspaces and colours; the last has the value of the validation."""
    log = tmp_path / "a.log"
    text = ""
    for epoch in (1, 2, 3):
        text += f"Epoch {epoch}/3\n"
        for batch in range(9):
            bar = f"\x1b[1m{batch}/9\x1b[0m \x1b[32m{'━' * batch}\x1b[0m \x1b[1m1s\x1b[0m"
            text += f"\r{bar}\x08\x08 3ms/step - loss: 0.{batch}"
        text += f"\x08\x08\r9/9 ━━━ 3ms/step - loss: 0.{epoch} - val_loss: 0.5{epoch}\n"
    log.write_text(text)
    found = read_again(spec_of(log, templates=["loss: {loss} - val_loss: {val_loss}"]))
    assert [(each.step, each.fields["val_loss"]) for each in found] == [(1, 0.51), (2, 0.52), (3, 0.53)]


def test_ranks_that_all_print_give_each_step_with_its_number(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"[rank{rank}] step {step} loss {step}.5\n" for step in range(20) for rank in (0, 1)))
    found = read_again(spec_of(log, templates=["step {step} loss {loss}"]))
    assert [each.step for each in found] == [step for step in range(20) for _ in (0, 1)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400) | st.just(2**5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=5), max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_found_can_be_recorded(tmp_path: Path, objects: list[dict[str, object]]) -> None:
    log, records = tmp_path / "a.log", tmp_path / "records.jsonl"
    log.write_text("".join(json.dumps(content) + "\n" for content in objects))
    records.unlink(missing_ok=True)
    writer = RecordWriter(records, attempt=1)
    found = read_again(*(spec_of(log, kind) for kind in ("json", "run", "auto", "templates")))
    for fields, step, src in found:
        writer.write(fields, step, src)
    writer.close()
    assert sum(1 for _ in RecordReader(records).read()) == len(found)


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
@pytest.mark.parametrize("num_before", [3, 30])
def test_a_file_that_is_written_anew_before_it_is_looked_at_is_read_whole(
    name: str, num_before: int, tmp_path: Path
) -> None:
    """As a script does that goes on, and opens its table to write: it may be longer than before by the first look."""
    file = tmp_path / name

    def write(begin: int, end: int) -> None:
        rows = [f"{n},{n}.5" if name == "m.csv" else f'{{"step":{n},"loss":{n}.5}}' for n in range(begin, end)]
        file.write_text("\n".join([*(["step,loss"] if name == "m.csv" else []), *rows, ""]))

    def steps(found: list[Found]) -> list[int | None]:
        return [each.step for each in found if each.step is not None]

    write(0, num_before)
    sources = Sources(beginning_now([spec_of(tmp_path / "*", "events")]))
    write(2, num_before + 10)
    assert steps(sources.poll(is_final=True)) == list(range(2, num_before + 10))

    write(0, num_before)
    sources = Sources(beginning_now([spec_of(tmp_path / "*", "events")]))
    assert sources.poll(is_final=True) == []
    write(0, num_before + 2)
    assert steps(sources.poll(is_final=True)) == [num_before, num_before + 1], "it was appended to"

    write(0, 8)
    sources = Sources(beginning_now([spec_of(tmp_path / "*", "events")]))
    write(1, 9)
    assert steps(sources.poll(is_final=True)) == list(range(1, 9)), "as long as before, with other rows"


def test_a_file_that_is_removed_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("loss 1\n")
    sources = Sources([SourceSpec(kind="templates", path=str(path), templates=("loss {loss}",))])
    assert [found.fields for found in sources.poll()] == [{"loss": 1}]
    path.unlink()
    assert sources.poll() + sources.poll(is_final=True) == []
    assert sources.take_notes() == [f"{path} was removed: what is written there now is lost"]
    missing = Sources([SourceSpec(kind="run", path=str(tmp_path / "run.jsonl"))])
    assert missing.poll(is_final=True) == []
    assert missing.take_notes() == []
