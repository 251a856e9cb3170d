"""Finds metrics in files that grow: output of a script, event files, tables, and calls of `launcher.current()`."""
