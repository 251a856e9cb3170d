"""Supervisors as processes, with toy targets: what they leave in the folder, and how they end."""

from __future__ import annotations

import os
import signal

from tests.launcher.conftest import wait_for
from tests.launcher.supervisor.sweep import ToySweep, finish, steps_of, wait_for_step


def test_an_attempt_is_trained_and_its_end_written(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3))
    sweep.batch(("a", 1))
    code, out = sweep.run()
    assert code == 0, out
    assert sweep.history().end["ending"] == "done"
    assert steps_of(sweep.paths.of_attempt(1).records("a")) == [1, 2, 3]
    assert not sweep.paths.records("a").exists(), "an attempt on a cluster has own files"
    ended = sweep.end()
    assert ended is not None
    assert (ended.code, ended.signal, ended.asked) == (0, None, "")
    assert not sweep.beats(), "the beat goes when the end is there"
    assert "step 3" in sweep.log()
    assert "=== a done, 3 steps" in sweep.log()
    assert sweep.run()[0] == 0, "an experiment that is done is not run again"
    assert sweep.files().claims == {1}


def test_a_failed_attempt_says_so(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3, act="raise", at=2))
    sweep.batch(("a", 1))
    code, out = sweep.run()
    assert code == 1, out
    ended = sweep.end()
    assert ended is not None
    assert (ended.code, ended.asked) == (1, "")
    assert "told to fail" in sweep.log()


def test_a_stop_saves_and_ends(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=2000, step_s=0.01, act="checkpoint"))
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for_step(sweep, 3)
    beat = wait_for(lambda: next((beat for beat in sweep.beats().values() if beat.phase in ("trains", "saves")), None))
    assert beat.num_bytes > 0
    os.kill(process.pid, signal.SIGTERM)
    code, out = finish(process)
    assert code == 1, out
    ended = sweep.end()
    assert ended is not None
    assert ended.asked == "stop"
    assert not ended.was_forced
    assert sweep.history().end["ending"] == "interrupted"
