"""Defaults that code needs before a job file is checked, where it may import nothing heavy."""

JOB = "jobs/report.toml"  # the job file of a command line that names none
MOST_CURVES = 24  # experiments whose plots are all drawn; of more, those that somebody asks for
PRELOAD = ("torch", "torch._dynamo")  # `preload` of a [sweep] table that does not set it
