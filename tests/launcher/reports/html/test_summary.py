"""The tiles and the failures of the page."""

from __future__ import annotations

from dataclasses import replace

from launcher.reports.html.summary import environment, failures, running_note, subtitle, tiles
from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.manifest import Manifest, ManifestExperiment
from tests.launcher.reports.analysis.states import seeded


def state(name: str, index: int, ending: EndingKind, why: str = "", step: int = 3) -> ExperimentState:
    return ExperimentState(name=name, index=index, state=ending, ending=ending, why=why, last_step=step)


def test_failures_that_differ_in_numbers_and_own_names_are_one_card() -> None:
    failed = [
        state(f"lr_{n}", n, EndingKind.FAILED, f"ValueError: lr_{n} has loss {n}.5 (train.py:9)", n + 1)
        for n in range(17)
    ]
    other = state("wide", 17, EndingKind.OUT_OF_MEMORY, "17 GB wanted")
    cards = failures([other, *failed])
    assert [len(card.experiments) for card in cards] == [17, 1], "the largest first"
    assert (cards[0].outcome, cards[0].first.name, cards[0].at) == ("✗ failed", "lr_0", "after steps 1 to 17")
    assert (cards[1].outcome, cards[1].at) == ("✗ out of memory", "after step 3")


def test_a_step_that_the_reason_names_is_not_said_twice() -> None:
    (card,) = failures([state("a", 0, EndingKind.FAILED, "ValueError: no (t.py:1), after step 3")])
    assert card.at == ""
    (card,) = failures([state("a", 0, EndingKind.FAILED, "SystemExit", step=0)])
    assert card.at == "before the first step"


def test_the_best_is_the_best_single_step_of_who_has_not_failed() -> None:
    curve = Curve((1, 2, 3), (3.0, 1.5, 2.0))
    good = replace(state("good", 0, EndingKind.DONE), curves={"loss": curve}, num_steps=3)
    bad = replace(state("bad", 1, EndingKind.DIVERGED), curves={"loss": Curve((1,), (0.1,))})
    best = tiles(Manifest("s", "j", "t:f", 0, ["loss"], [], []), [good, bad], [])[1]
    assert (best.title, best.value) == ("Best loss", "good")
    assert best.remark.startswith("1.5000 at step 2")


def test_what_is_not_the_last_word_says_so() -> None:
    done = state("a", 0, EndingKind.DONE)
    runs = replace(done, name="b", state=RUNNING, ending=None)
    assert running_note([done]) == ""
    assert running_note([done, runs]) == "1 experiment was running then, 1 of 2 were done: not the last word."


def test_with_several_seeds_the_best_is_a_configuration_and_never_a_lucky_seed() -> None:
    experiments = [
        *seeded("base", [3.0, 3.1, 3.2]),
        *seeded("steady", [2.0, 2.1, 2.2]),
        *seeded("lucky", [1.0, 9.0, 9.0]),
    ]
    placed = [replace(each, index=index) for index, each in enumerate(experiments)]
    manifest = Manifest("s", "job.toml", "m:run", 0, ["loss"], [], [])
    tile = next(tile for tile in tiles(manifest, placed, []) if tile.title == "Best loss")
    assert tile.value == "steady"
    assert "over 3 seeds" in tile.remark
    assert "beside base -1.00" in tile.remark
    assert "3 configurations on 3 seeds" in subtitle(manifest, placed, "now")


def test_the_environment_tells_all_seeds_that_were_planned() -> None:
    planned = [ManifestExperiment(f"a+s{seed}", {}, {}, "", seed=seed) for seed in (0, 7)]
    assert environment(Manifest("s", "j", "t", 0, [], [], planned))["seeds"] == "0, 7"
    assert environment(Manifest("s", "j", "t", 3, [], [], []))["seed"] == "3"
