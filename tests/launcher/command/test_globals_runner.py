"""A script that is run with other values for the settings at its top level."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from launcher.command import globals_runner


def run(folder: Path, text: str, values: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    script = folder / "train.py"
    script.write_text(textwrap.dedent(text).lstrip())
    command = [sys.executable, "-W", "error", globals_runner.__file__, json.dumps(values), "train.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_values_replace_the_first_literal_of_each_name_with_its_type(tmp_path: Path) -> None:
    text = """
        '''What it does.'''
        from __future__ import annotations
        rate = 0.1
        steps: int = 3
        shape = same = (1, 2)
        layers = [1]
        names = {"a": 1}
        nothing = None
        text = 'x'
        kept = 5
        doubled = steps * 2
        steps = steps + 1
        print([rate, steps, shape, same, layers, names, nothing, text, kept, doubled, __doc__])
    """
    values: dict[str, Any] = {"rate": 1, "steps": 7, "shape": [3, 4], "layers": [2.5], "names": {"b": [None, True]}}
    done = run(tmp_path, text, values | {"nothing": float("inf"), "text": "a 'b' \"c\" é\n"})
    assert done.stdout.strip() == str(
        [1.0, 8, (3, 4), (1, 2), [2.5], {"b": [None, True]}, float("inf"), "a 'b' \"c\" é\n", 5, 14, "What it does."]
    )


def test_only_the_top_level_is_changed(tmp_path: Path) -> None:
    text = """
        def f():
            rate = 1
            return rate
        rate = 2
        print(f(), rate)
        rate = 3
        print(rate)
    """
    assert run(tmp_path, text, {"rate": 9}).stdout.split() == ["1", "9", "3"]


def test_the_script_is_the_real_main_and_finds_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "options.py").write_text("VALUE = 4\n")  # the runner's own folder has a module of this name
    text = """
        import multiprocessing, pickle, sys, __main__, options
        rate = 1
        class Here:
            value = rate
        def work(queue):
            queue.put(rate)
        if __name__ == "__main__":
            assert pickle.loads(pickle.dumps(Here)) is Here is __main__.Here
            context = multiprocessing.get_context("fork")
            queue = context.SimpleQueue()
            child = context.Process(target=work, args=(queue,))
            child.start()
            print(queue.get(), options.VALUE, sys.argv, __file__)
            child.join()
    """
    done = run(tmp_path, text, {"rate": 2}, "--more")
    assert done.stdout.strip() == "2 4 ['train.py', '--more'] train.py", done.stderr


def test_the_lines_of_an_error_are_those_of_the_script(tmp_path: Path) -> None:
    done = run(tmp_path, "rate = 1\n\nif rate == 2:\n    raise ValueError('here')\n", {"rate": 2})
    assert 'File "train.py", line 4, in <module>' in done.stderr
    assert done.stderr.strip().endswith("ValueError: here")
    assert done.returncode == 1


def test_the_runner_is_short() -> None:
    assert len(Path(globals_runner.__file__).read_text().splitlines()) <= 42
