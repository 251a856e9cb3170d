"""Compare two outcome folders of one job, record by record and weight by weight, bit for bit; times are left out.

    python -m launcher --parallel --threads 1 --outcome /tmp/a --logs /tmp/a/logs
    python -m launcher --threads 1 --outcome /tmp/b --logs /tmp/b/logs
    python bench/same_numbers.py /tmp/a /tmp/b

Exit code 1 if anything differs, with the first differing step.
"""

import json
import sys
from pathlib import Path

from launcher.store.history import first_difference, read_history


def main() -> int:
    """Print a line an experiment and return the exit code."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    one, two = (Path(argument) for argument in sys.argv[1:])
    names = [planned["name"] for planned in json.loads((one / "sweep.json").read_text())["experiments"]]
    results = [compare(name, one, two) for name in names]
    for text, _ in results:
        print(text)
    return 0 if all(is_same for _, is_same in results) else 1


def compare(name: str, one: Path, two: Path) -> tuple[str, bool]:
    """Return a line about an experiment, and whether everything is the same."""
    steps, others = (read_history(folder / "records" / f"{name}.jsonl").steps for folder in (one, two))
    first = first_difference(steps, others) or first_difference(others, steps)
    weights = _compare_weights(one / f"mini_gpt_{name}.pt", two / f"mini_gpt_{name}.pt")
    records = "identical" if first is None else f"differ first at step {first}"
    text = f"{name}: {len(steps)} and {len(others)} steps, records {records}; weights {weights}"
    return text, bool(steps) and first is None and weights != "differ"


def _compare_weights(one: Path, two: Path) -> str:
    if not one.exists() and not two.exists():
        return "not written"
    if not (one.exists() and two.exists()):
        return "differ"
    import torch

    weights, others = (torch.load(path, weights_only=True) for path in (one, two))
    is_same = weights.keys() == others.keys() and all(torch.equal(weights[key], others[key]) for key in weights)
    return "identical" if is_same else "differ"


if __name__ == "__main__":
    sys.exit(main())
