"""Where files of a sweep lie, and how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.store.paths import PLOTS, Paths, write_atomic


def test_atomic_writing_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path, "new")
    assert path.read_text() == "old"
    write_atomic(path, "new")
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "new"


@pytest.mark.parametrize("metric", ["train/loss", "a/../../x", "val/acc@5", "eval.loss", "a..", "x" * 100])
@pytest.mark.parametrize("kind", PLOTS)
def test_plots_of_a_metric_lie_in_the_outcome_folder(tmp_path: Path, metric: str, kind: str) -> None:
    paths = Paths(tmp_path, tmp_path)
    for path in (paths.curves(metric, kind), paths.curve(metric, "a" * 100, kind)):
        assert path.parent == tmp_path
        write_atomic(path, "")
        assert path.name in {file.name for file in tmp_path.iterdir()}


def test_plots_keep_the_names_they_had(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    assert (paths.curves("loss").name, paths.curve("loss", "a").name) == ("loss_curves.png", "loss_curve_a.png")
    assert paths.curves("train/loss", "pdf").name == "train_loss_curves.pdf"


def test_plots_of_names_with_other_characters_have_names_in_ascii(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path)
    names = ["F1 (macro)", "mAP@[.5:.95]", "loss%", "5-way acc", "損失", "精度", "Verlust ß", "損" * 100]
    files = [paths.curves(metric).name.removesuffix("_curves.png") for metric in names]
    assert files[:4] == ["F1_macro_", "mAP@_.5_.95_", "loss_", "5-way_acc"]
    assert [file[:-4] for file in files[4:]] == ["metric-", "metric-", "Verlust-", "metric-"]
    assert len(set(files)) == len(files)
    assert all(file.isascii() for file in files)


@pytest.mark.parametrize(
    "metric",
    ["../x", "/x", "", "a\0b", " a", "a ", "_x", ".x", "x" * 101, "a\nb", "a\\b", "$a$", "<b>", "a|b", "損`", "\udce9"],
)
def test_a_metric_of_another_name_has_no_file(tmp_path: Path, metric: str) -> None:
    with pytest.raises(InputError, match="is no name of a metric"):
        Paths(tmp_path, tmp_path).curves(metric)
