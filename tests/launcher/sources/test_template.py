"""Templates: what they find in the lines that scripts print, and which cannot be used."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.sources.template import Template, problems

SHAPES = [
    ("iter {step}: loss {loss}, time {}ms", "iter 10: loss 4.1250, time 31.42ms, mfu 1.20%", {"loss": 4.125}, 10),
    (
        "step {step}: train loss {train}, val loss {val_loss}",
        "step 250: train loss 2.5012, val loss 2.6500",
        {"train": 2.5012, "val_loss": 2.65},
        250,
    ),
    (
        "Train Epoch: {epoch} [{}/{} ({}%)] Loss: {loss}",
        "Train Epoch: 1 [256/1280 (20%)]\tLoss: 2.283781",
        {"epoch": 1, "loss": 2.283781},
        None,
    ),
    (
        "Test set: Average loss: {test_loss}, Accuracy: {correct}/{}",
        "Test set: Average loss: 0.0512, Accuracy: 9842/10000 (98%)",
        {"test_loss": 0.0512, "correct": 9842},
        None,
    ),
    (
        "| epoch {epoch} | {}/ {} batches | lr {lr} | ms/batch {} | loss {loss} |",
        "| epoch   1 |   200/ 2983 batches | lr 20.00 | ms/batch 10.52 | loss  7.63 | ppl  2059.14",
        {"epoch": 1, "lr": 20.0, "loss": 7.63},
        None,
    ),
    (
        "'loss': '{loss}', 'grad_norm': '{}', 'learning_rate': '{lr}'",
        "{'loss': '5.887', 'grad_norm': '1.204', 'learning_rate': '4.5e-05', 'epoch': '0.13'}",
        {"loss": 5.887, "lr": 4.5e-05},
        None,
    ),
    ("'loss': {loss}, ", "{'loss': 5.887, 'epoch': 0.13}", {"loss": 5.887}, None),
    ("{{'loss': {loss}}}", "{'loss': 5.887}", {"loss": 5.887}, None),
    (
        "accuracy: {acc} - loss: {loss}",
        "16/16 ━━━━━━━ 0s 3ms/step - accuracy: 0.9125 - loss: 0.3001",
        {"acc": 0.9125, "loss": 0.3001},
        None,
    ),
    ("{step}/{} [{}, {}, loss={loss}]", " 20%|██   |  2/10 [00:01<00:04,  1.9it/s, loss=0.5]", {"loss": 0.5}, 2),
    ("[{epoch}, {step}] loss: {loss}", "[1,  2000] loss: 2.213", {"epoch": 1, "loss": 2.213}, 2000),
    ("loss {train/loss} acc {top-1.acc}", "loss 1 acc 2", {"train_loss": 1, "top_1_acc": 2}, None),
]  # fmt: skip


@pytest.mark.parametrize(("template", "line", "fields", "step"), SHAPES)
def test_a_template_finds_the_numbers_of_a_line(
    template: str, line: str, fields: dict[str, float], step: int | None
) -> None:
    assert Template(template).find(line.encode()) == (fields, step)
    assert Template(template).find(b"\x00 2026-11-26 " + line.encode() + b" \xff") == (fields, step)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("+3", 3), ("3.", 3.0), (".5", 0.5), ("-0.5", -0.5), ("1e-3", 1e-3), ("1E+05", 1e5),
        ("2.5e3", 2500.0), ("inf", math.inf), ("-inf", -math.inf), ("Infinity", math.inf), ("1,234", 1234),
        ("1,234,567.5", 1234567.5),
        ("12, 34", 12), ("12,a", 12), ("0.5,0.7", 0.5), ("98%", 98), ("3/10", 3),
        ("123456789012345678901", 123456789012345678901.0),
    ],
)  # fmt: skip
def test_these_are_numbers(text: str, value: float) -> None:
    found = Template("v {v}").find(f"v {text}".encode())
    assert found is not None
    assert found[0]["v"] == value
    assert type(found[0]["v"]) is type(value)


def test_not_a_number_is_a_number_and_words_are_not() -> None:
    for text in ("nan", "NaN", "-nan"):
        found = Template("v {v}").find(f"v {text}".encode())
        assert found is not None
        assert math.isnan(found[0]["v"])
    for text in ("nanometres", "information", "infinite", "-", ".", "e5", "x3"):
        assert Template("v {v}").find(f"v {text}".encode()) is None
    for text in ("0,25", "-0,250", "12,34", "1234,567", "1,2345", "1,234,56", "1_000"):  # 0, 12 and 1 would be wrong
        assert Template("v {v}").find(f"v {text}".encode()) is None


def test_a_number_before_a_comma_of_the_template_has_no_thousands() -> None:
    assert Template("{a},{b}").find(b"10,200") == ({"a": 10, "b": 200}, None)
    assert Template("loss {loss}.").find(b"loss 5.") == ({"loss": 5}, None)
    assert Template("loss {loss}.").find(b"loss 5.25.") == ({"loss": 5.25}, None)


def test_a_word_is_found_as_a_whole() -> None:
    assert Template("loss {loss}").find(b"val_loss 3") is None
    assert Template("loss {loss}").find(b"val_loss 3, loss 4") == ({"loss": 4}, None)
    assert Template("{loss} is").find(b"v1.5 is") is None


def test_blanks_of_a_template_are_any_run_of_blanks_and_numbers_may_be_padded() -> None:
    template = Template(" step:{step}  loss={loss} ")
    assert template.find(b"step:    5 \t loss=\t0.5") == ({"loss": 0.5}, 5)
    assert template.find(b"step:1000 loss=0.5") == ({"loss": 0.5}, 1000)
    assert template.find(b"step:1000loss=0.5") is None


@pytest.mark.parametrize(
    ("text", "step"),
    [("1000", 1000), ("1e3", 1000), ("1,000", 1000), ("3.0", 3), ("0.5", None), ("nan", None), ("inf", None)],
)
def test_a_step_is_a_whole_number(text: str, step: int | None) -> None:
    assert Template("at {step} loss {loss}").find(f"at {text} loss 3".encode()) == ({"loss": 3}, step)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "it is empty"),
        ("loss", "no number that has a name. Write {loss}"),
        ("step {step}", "it has only a step. Write {loss}"),
        ("loss {", 'a "{" has no partner. A brace that the script prints is written {{'),
        ("loss {loss}}", 'a "}" has no partner'),
        ("{'loss': {loss}}", 'a "{" has no partner'),
        ("loss {loss:.4f}", "{loss:.4f} has a format, and a template has none. Did you mean {loss}?"),
        ("loss {losses['train']:.4f}", "Did you mean {losses}?"),
        ("loss {val loss}", "{val loss} is no name. Did you mean {val}?"),
        ("{a}{b}", "{a}{b} stand side by side"),
        ("{}{b}", "{}{b} stand side by side"),
        ("{n} {loss}", "{n} is a field of every record. Write {num_n}"),
        ("{attempt} {loss}", "{attempt} is a field"),
        ("{kind} {loss}", "{kind} is a field"),
        ("{Step} {loss}", "Did you mean {step}?"),
        ("{loss} {loss}", "it has {loss} twice. Write {}"),
        ("{a/b} {a_b}", "it has {a_b} twice"),
        ("{step} {step} {loss}", "it has {step} twice"),
        ("loss\n{loss}", "it has a line break"),
    ],
)
def test_a_template_that_is_of_no_use_is_refused_with_what_to_write(template: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Template(template)
    [problem] = problems([template, "loss {loss}"])
    assert said in problem


def test_a_line_that_is_made_for_it_takes_no_time() -> None:
    """Each of these took minutes with a regular expression that tries all ways to match."""
    templates = [Template("[{}/{} ({}%)] Loss: {loss}"), Template("{} {a} {}x{b}y"), Template("a {a}.{b}.{c}z")]
    lines = [b"[/" * 20_000 + b"/%)] Loss: ", b"[" + b"/" * 60_000, b"x" * 65_536, b" " * 65_536, b"1" * 65_536]
    lines += [b"a " + b"1" * 65_000, b"a " + b"1." * 32_000, b"1,234" * 10_000, b"a x" * 20_000]
    for line in lines:
        for template in templates:
            assert template.search(line) is None


@given(st.floats(allow_nan=False), st.integers(0, 10**12), st.sampled_from(["{}", "{:.4f}", "{:e}", "{:g}", "{!r}"]))
def test_a_number_that_python_prints_is_read_as_it_is(value: float, step: int, form: str) -> None:
    text = form.format(value)
    found = Template("it {step:}".replace(":", "") + " | loss={loss}; lr {}").find(
        f"it {step} | loss={text}; lr 1e-3".encode()
    )
    assert found == ({"loss": float(text)}, step)


@given(st.binary(max_size=300))
def test_any_bytes_are_passed_over_or_give_numbers(line: bytes) -> None:
    for template in ("loss {loss}", "{loss}", "{} {a}:{b}"):
        found = Template(template).find(line)
        assert found is None or all(isinstance(value, int | float) for value in found[0].values())
