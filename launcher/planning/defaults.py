"""Defaults that code needs before a job file is checked, where it may import nothing heavy."""

JOB = "jobs/report.toml"  # the job file of a command line that names none
MOST_CURVES = 24  # experiments whose plots are all drawn; of more, those that somebody asks for
MOST_BY_AXIS = 3  # metrics that have plots by axes and parameters: the first of the job
LEAST_RESULTS = 20  # of which the importance of parameters is told, and all parameters are drawn at once
PRELOAD = ("torch", "torch._dynamo")  # `preload` of a [sweep] table that does not set it
_PRELOAD_OF_RANKS = ("torch",)
_SCRIPT_WORKER = "launcher.worker.script"
_INSIDE = "launcher.worker.inside"  # what runs such a script, and all that it needs


def modules_to_preload(
    preload: tuple[str, ...], *, has_command: bool, is_inside: bool, num_gpus: int
) -> tuple[str, ...]:
    """Return the modules that the fork server imports, by what the [sweep] table says.

    A script in a Python of its own needs none but its worker's. Several processes that train together get no
    `torch._dynamo` by default: where it is imported before a DDP model is made, the end of a process may hang in torch
    2.13 if the model outlives its process group, as in most scripts (decision 0029).
    """
    if has_command and not is_inside:
        return (_SCRIPT_WORKER,)
    wanted = _PRELOAD_OF_RANKS if num_gpus > 1 and preload == PRELOAD else preload
    return (*wanted, _SCRIPT_WORKER, _INSIDE) if has_command else wanted
