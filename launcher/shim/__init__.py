"""The folder that stands first on the PYTHONPATH of a script, where its job asks for `hooks` or starts ranks.

It holds `sitecustomize.py` alone, which Python runs at its start. Nothing else may lie here: a script could import it.
"""
