"""Tables: steps and numbers by header, and files that are written anew with another header."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from launcher.sources.csv_file import CsvFile
from launcher.sources.source import Found

TABLE = b"epoch,step,train_loss\r\n0,9,0.5\r\n0,19,\r\n1,29,nan\r\n"


def test_a_row_is_a_record_with_its_number() -> None:
    table = CsvFile(4)
    found = table.feed(TABLE[:50]) + table.feed(TABLE[50:])
    assert [(each.fields, each.step, each.src) for each in found[:2]] == [
        ({"epoch": 0, "train_loss": 0.5}, 9, (4, 1)),
        ({"epoch": 0}, 19, (4, 2)),
    ]
    assert str(found[2].fields) == "{'epoch': 1, 'train_loss': nan}"
    assert table.feed(b"1,39,0.25") == []
    assert table.finish() == [Found({"epoch": 1, "train_loss": 0.25}, 39, (4, 4))]


def test_a_file_that_is_written_anew_with_another_column_gives_its_new_rows_only() -> None:
    table = CsvFile(0)
    assert len(table.feed(TABLE)) == 3
    assert table.begin_again()
    found = table.feed(b"epoch,step,train_loss,val_loss\n0,9,0.5,\n0,19,,\n1,29,nan,\n1,29,,0.75\n")
    assert found == [Found({"epoch": 1, "val_loss": 0.75}, 29, (0, 4))]


def test_rows_that_were_there_before_are_passed_over_and_another_table_is_another_source() -> None:
    table = CsvFile(0, begin=len(TABLE))
    assert [each.step for each in table.feed(TABLE + b"2,39,1\n")] == [39]
    assert table.begin_again()
    assert not CsvFile(0, begin=len(TABLE)).begin_again()


def test_cells_that_are_no_numbers_and_rows_of_another_length_are_passed_over() -> None:
    table = CsvFile(0)
    found = table.feed(b'"step", loss ,name\n1.0,0.5,"a, b"\n2,0.25\n3,0.1,x,y\n\n"5",0.2,\n,0.3,z\n')
    assert [(each.fields, each.step, each.src[1]) for each in found] == [
        ({"loss": 0.5}, 1, 1),
        ({"loss": 0.2}, 5, 4),
        ({"loss": 0.3}, 6, 5),
    ]


def test_tables_that_excel_and_pandas_write_are_read() -> None:
    for text in (
        "\ufeffstep,loss\n10,0.5\n20,0.25\n",
        "step;loss\n10;0,5\n20;0,25\n",
        "step\tloss\n10\t0.5\n20\t0.25\n",
    ):
        found = CsvFile(0).feed(text.encode())
        assert [(each.fields, each.step) for each in found] == [({"loss": 0.5}, 10), ({"loss": 0.25}, 20)]


def test_a_table_without_a_header_has_no_metrics() -> None:
    assert CsvFile(0).feed(b"1,0.5\n2,0.25\n3,0.1\n") == []


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_read_or_passed_over_the_same_however_they_are_cut(data: bytes, cut: int) -> None:
    whole, parts = CsvFile(0), CsvFile(0)
    assert str(whole.feed(data) + whole.finish()) == str(
        parts.feed(data[:cut]) + parts.feed(data[cut:]) + parts.finish()
    )
