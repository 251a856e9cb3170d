"""Compares two outcome folders of a job bit for bit: every record without its times, and every weight.

    python -m launcher --parallel --threads 1 --outcome /tmp/a --logs /tmp/a/logs
    python -m launcher --threads 1 --outcome /tmp/b --logs /tmp/b/logs
    python bench/same_numbers.py /tmp/a /tmp/b

The exit code is 1 if anything differs; the first step that differs is printed.
"""

import json
import sys
from pathlib import Path

from launcher.store.history import first_difference, read_history


def main() -> int:
    """Print a line for each experiment and return the exit code."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    first, second = (Path(argument) for argument in sys.argv[1:])
    names = [planned["name"] for planned in json.loads((first / "sweep.json").read_text())["experiments"]]
    results = [compare(name, first, second) for name in names]
    for text, _ in results:
        print(text)
    return 0 if all(is_same for _, is_same in results) else 1


def compare(name: str, first: Path, second: Path) -> tuple[str, bool]:
    """Return a line about an experiment, and whether everything is the same."""
    steps, others = (read_history(folder / "records" / f"{name}.jsonl").steps for folder in (first, second))
    step = first_difference(steps, others) or first_difference(others, steps)
    weights = _compare_weights(first / f"mini_gpt_{name}.pt", second / f"mini_gpt_{name}.pt")
    records = "identical" if step is None else f"differ first at step {step}"
    text = f"{name}: {len(steps)} and {len(others)} steps, records {records}; weights {weights}"
    return text, bool(steps) and step is None and weights != "differ"


def _compare_weights(first: Path, second: Path) -> str:
    if not first.exists() and not second.exists():
        return "not written"
    if not (first.exists() and second.exists()):
        return "differ"
    import torch

    weights, others = (torch.load(path, weights_only=True) for path in (first, second))
    is_same = weights.keys() == others.keys() and all(torch.equal(weights[key], others[key]) for key in weights)
    return "identical" if is_same else "differ"


if __name__ == "__main__":
    sys.exit(main())
