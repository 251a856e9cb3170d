"""The command lines of MiniGPT: options in, exit code out.

`data`, `train` and `sample` hold one command each. Exit codes: 0 done, 2 bad input (a message on stderr), 130
interrupted.
"""
