"""S6: the record queue: the cost of a record, against multiprocessing.Queue, and two workers at full speed.

    python bench/record_queue.py

The reader reads while the workers write, and counts: no record may be missing.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path

from rows import Row, alternate, markdown

from launcher.store.checkpoints import Checkpoints
from launcher.store.records import RecordReader, RecordWriter
from launcher.worker.run import Run

RECORDS = 50_000
LOSS, PERPLEXITY, LR, TOKENS, TOKENS_PER_S, ELAPSED_S = 5.123456, 167.9, 5e-4, 123_456, 1449.5, 9.5


def log(path: Path, num_records: int) -> float:
    """Log records as training code does, and return the microseconds of CPU time of a record."""
    writer = RecordWriter(path, attempt=1)
    run = Run(
        name="a", seed=0, attempt=1, device="cpu", outcome=path.parent, writer=writer,
        checkpoints=Checkpoints(path.parent, "a", ""), checkpoint_s=60.0,
    )  # fmt: skip
    began_s = time.process_time()
    for step in range(1, num_records + 1):
        run.log(
            step, loss=LOSS, perplexity=PERPLEXITY, lr=LR, tokens=TOKENS, tokens_per_s=TOKENS_PER_S, elapsed_s=ELAPSED_S
        )
    took_s = time.process_time() - began_s
    writer.close()
    return took_s / num_records * 1e6


def put(num_records: int) -> float:
    """Return the same figure for a multiprocessing.Queue that another process empties, its feeder thread included."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    reader = context.Process(target=_take, args=(queue, num_records))
    reader.start()
    began_s = time.process_time()
    for step in range(1, num_records + 1):
        queue.put(
            {"step": step, "loss": LOSS, "perplexity": PERPLEXITY, "lr": LR, "tokens": TOKENS,
             "tokens_per_s": TOKENS_PER_S, "elapsed_s": ELAPSED_S}
        )  # fmt: skip
    queue.close()
    queue.join_thread()  # only now has every record left this process
    took_s = time.process_time() - began_s
    reader.join()
    return took_s / num_records * 1e6


def _take(queue: multiprocessing.Queue[object], num_records: int) -> None:
    for _ in range(num_records):
        queue.get()


def flood(folder: Path, num_records: int) -> tuple[float, int]:
    """Let two workers log at full speed while this process reads. Return records a second, and how many were read."""
    context = multiprocessing.get_context("fork")
    paths = [folder / f"{number}.jsonl" for number in range(2)]
    for path in paths:
        path.unlink(missing_ok=True)
    workers = [context.Process(target=log, args=(path, num_records)) for path in paths]
    readers = [RecordReader(path) for path in paths]
    began_s = time.perf_counter()
    for worker in workers:
        worker.start()
    num_read, is_over = 0, False
    while not is_over:
        is_over = not any(worker.is_alive() for worker in workers)  # before reading: then the last records are read
        num_read += sum(1 for reader in readers for _ in reader.read())
        wait([worker.sentinel for worker in workers], timeout=0.02)
    return num_read / (time.perf_counter() - began_s), num_read


def measure() -> list[Row]:
    """Return the rows of S6."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        number = iter(range(1000))
        costs = alternate(
            {"ours": lambda: log(folder / f"log{next(number)}.jsonl", RECORDS), "queue": lambda: put(RECORDS)}, 5
        )
        floods = [flood(folder, RECORDS) for _ in range(5)]
    speed, num_read = statistics.median(speed for speed, _ in floods), min(num_read for _, num_read in floods)
    return [
        Row("S6", "one record of six metrics, CPU of the worker", f"{costs['ours']:.1f} µs",
            f"mp.Queue {costs['queue']:.1f} µs",
            f"{costs['queue'] / costs['ours']:.1f}", "≤ 5 µs", costs["ours"] <= 5.0),
        Row("S6", "what that slows training by, at a step of 2 ms", f"{costs['ours'] / 2000:.2%}",
            f"mp.Queue {costs['queue'] / 2000:.2%}", "", "< 0.5 %", costs["ours"] < 10.0),
        Row("S6", "two workers into files, and all of it read", f"{speed:,.0f} records/s",
            f"{num_read:,} of {2 * RECORDS:,} read", "", "≥ 100,000 records/s, none lost",
            speed >= 100_000 and num_read == 2 * RECORDS),
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown(measure()))
