"""Defaults that code needs before a job file is checked, where it may import nothing heavy."""

JOB = "jobs/report.toml"  # the job file of a command line that names none
MOST_CURVES = 24  # experiments whose plots are all drawn; of more, those that somebody asks for
PRELOAD = ("torch", "torch._dynamo")  # `preload` of a [sweep] table that does not set it
_PRELOAD_OF_RANKS = ("torch",)


def modules_to_preload(preload: tuple[str, ...], *, is_script: bool, num_gpus: int) -> tuple[str, ...]:
    """Return the modules that the fork server imports. `preload` and `num_gpus`: as the [sweep] table has them.

    A script in a Python of its own needs none. Several processes that train together get no `torch._dynamo` by default:
    where it is imported before a DDP model is made, the end of a process hangs in torch 2.13 if the model outlives its
    process group, as in most scripts (decision 0029).
    """
    if is_script:
        return ()
    return _PRELOAD_OF_RANKS if num_gpus > 1 and preload == PRELOAD else preload
