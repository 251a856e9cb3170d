"""MiniGPT: a small decoder-only transformer, its data and its training. It needs no launcher.

    python -m minigpt.data      makes the training data
    python -m minigpt.train     trains one experiment; a job file names it as `minigpt.train:run`
    python -m minigpt.sample    continues a prompt with a trained model

Importing this package, or `minigpt.config`, imports no torch, so a launcher can check a configuration quickly.
"""

import sys

if sys.argv[:1] == ["-m"]:  # the value that Python puts there while `python -m minigpt.train` imports this package
    from minigpt import interpreter

    interpreter.check()
