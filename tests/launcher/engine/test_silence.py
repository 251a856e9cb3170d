"""When the silence of a worker is a warning, when a hang, and what CPU time says about it."""

from __future__ import annotations

import pytest

from launcher.engine.silence import Silence, SilenceWatch


def no_cpu() -> float:
    return 0.0


def heard_at_0(warn_after_s: float = 10.0, end_after_s: float | None = None) -> SilenceWatch:
    """Return the watch of a worker whose last record came at 0 s."""
    watch = SilenceWatch(0.0, warn_after_s, end_after_s)
    assert watch.look(1, 0.0, no_cpu) is None
    return watch


def test_a_silence_is_told_once_when_it_is_long_enough() -> None:
    watch = heard_at_0()
    assert [bool(watch.look(1, now_s, no_cpu)) for now_s in (5, 9.9, 10, 11, 100)] == [False, False, True, False, False]


def test_after_a_record_the_next_silence_is_told_again() -> None:
    watch = heard_at_0()
    assert watch.look(1, 5, no_cpu) is None
    assert watch.look(1, 10, no_cpu)
    assert watch.look(2, 12, no_cpu) is None
    assert watch.look(2, 18, no_cpu) is None
    assert watch.look(2, 21.9, no_cpu) is None
    assert watch.look(2, 22, no_cpu) == Silence(10, used_s=0.0, of_s=4.0)


@pytest.mark.parametrize(
    ("used_s", "words"),
    [
        (0.0, "it uses no CPU, so it probably hangs."),
        (0.05, "it uses no CPU, so it probably hangs."),  # 1 % of five seconds: what a sleeping thread pool takes
        (0.06, "it used 0.1 s of CPU in the last 5.0 s, so it is probably a slow step."),
        (20.0, "it used 20.0 s of CPU in the last 5.0 s, so it is probably a slow step."),
    ],
)
def test_cpu_time_since_half_of_the_silence_tells_a_slow_step_from_a_hang(used_s: float, words: str) -> None:
    watch = heard_at_0()
    assert watch.look(1, 5, lambda: 7.0) is None
    assert str(watch.look(1, 10, lambda: 7.0 + used_s)) == f"no record for 10 s; {words}"


def test_cpu_time_is_read_no_sooner_than_half_of_the_silence() -> None:
    """Reading it costs milliseconds, and the loop looks at every record of every worker."""
    reads = []
    watch = heard_at_0()
    for now_s in (1, 2, 4.9, 5, 6, 7, 9.9):
        watch.look(1, now_s, lambda now_s=now_s: reads.append(now_s) or 0.0)  # type: ignore[misc]
    assert reads == [5]


def test_a_first_look_that_comes_late_needs_a_second_to_compare_cpu_time_with() -> None:
    watch = heard_at_0()
    assert watch.look(1, 60, no_cpu) is None
    assert watch.look(1, 61, no_cpu) == Silence(61, used_s=0.0, of_s=1.0)


def test_a_worker_that_is_silent_too_long_is_to_be_ended_once() -> None:
    watch = heard_at_0(end_after_s=30.0)
    watch.look(1, 5, no_cpu)
    watch.look(1, 10, no_cpu)
    assert watch.look(1, 29.9, no_cpu) is None
    assert watch.look(1, 30, no_cpu) == Silence(30, is_final=True)
    assert watch.look(1, 40, no_cpu) is None
    assert str(Silence(30, is_final=True)).endswith("its stacks go to its log, then it is killed (kill_after_s).")


def test_a_worker_that_never_wrote_anything_is_silent_since_it_began() -> None:
    watch = SilenceWatch(100.0, 10.0, 30.0)
    assert watch.look(0, 100.2, no_cpu) is None
    assert watch.look(0, 105.2, no_cpu) is None
    assert watch.look(0, 110.2, no_cpu)
    silence = watch.look(0, 130.3, no_cpu)
    assert silence
    assert silence.is_final


def test_a_pause_of_the_launcher_is_no_silence_of_the_worker() -> None:
    watch = heard_at_0(end_after_s=30.0)
    watch.look(1, 5, no_cpu)
    watch.add_pause(1000.0)
    assert watch.look(1, 1009, no_cpu) is None
    assert watch.look(1, 1010, lambda: 0.03) == Silence(10, used_s=0.03, of_s=5.0)
    watch.add_pause(1000.0)
    assert watch.look(1, 2029, no_cpu) is None
    silence = watch.look(1, 2030, no_cpu)
    assert silence
    assert silence.is_final
