"""Configurations: tables of a job file against a dataclass, what an experiment is told by, and what is hidden of it."""
