"""Configurations: checking tables of a job file against a dataclass, the identity of experiments, hiding secrets."""
