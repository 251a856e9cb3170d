"""S10: the seconds that the scheduler takes for 10,000 experiments on 1,000 slots, a tenth of which fail.

    python bench/scheduler.py

The comparison is with 1,000 experiments on 100 slots: the cost of an experiment should not grow with their number.
"""

from __future__ import annotations

import heapq
import random
import time
from functools import partial

from rows import Row, alternate, markdown

from launcher.engine.messages import Begin, Ended, Event, Start
from launcher.engine.scheduler import Scheduler


def simulate(num_experiments: int, num_slots: int) -> float:
    """Return the seconds that the scheduler takes for a sweep of random durations, of which no time passes.

    About a tenth of the attempts fail and are retried.
    """
    dice = random.Random(0)
    scheduler = Scheduler([str(number) for number in range(num_experiments)], num_slots, retries=2)
    running: list[tuple[float, str]] = []
    num_ended, now_s = 0, 0.0
    began_s = time.perf_counter()
    event: Event = Begin()
    while True:
        for action in scheduler.handle(event):
            if isinstance(action, Start):
                heapq.heappush(running, (now_s + dice.expovariate(1.0) + 1.0, action.experiment))
        if not running:
            break
        now_s, experiment = heapq.heappop(running)
        ending = "failed" if dice.random() < 0.1 else "done"
        num_ended += 1
        event = Ended(experiment, ending, seconds=2.0)
    assert num_ended >= num_experiments, "every experiment has ended"
    return time.perf_counter() - began_s


def measure() -> list[Row]:
    """Return the row of S10."""
    sides = {"large": partial(simulate, 10_000, 1_000), "small": partial(simulate, 1_000, 100)}
    times = alternate(sides, 9)
    large, small = times["large"], times["small"]
    per_experiment = (large / 10_000) / (small / 1_000)
    return [
        Row("S10", "10,000 experiments on 1,000 slots", f"{large:.2f} s", f"1,000 on 100: {small:.3f} s",
            f"{per_experiment:.2f} per experiment", "≤ 2 s, linear", large <= 2.0 and per_experiment < 2.0)
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown(measure()))
