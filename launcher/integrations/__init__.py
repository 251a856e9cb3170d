"""Adapters between training libraries and `launcher.current()`.

Each module here imports its library at its top, and nothing of the launcher imports these modules: a script does, or a
hook does after the script has imported the library (`hooks`). None of them may end a training: what cannot be recorded
is told once.
"""
