"""MiniGPT: a small decoder-only transformer, its data and its training, usable without any launcher.

Entry points: `python -m minigpt.data` makes the training data, `python -m minigpt.train` trains one
experiment, `python -m minigpt.sample` continues a prompt. Importing this package imports no torch: a plan can
be checked with `minigpt.config` alone.
"""

import sys

if sys.argv[:1] == ["-m"]:  # which stands there while `python -m minigpt.train` imports this package
    from minigpt import interpreter

    interpreter.check()
