"""The field cases: what people who do this job ran into with other launchers, one test an input."""
