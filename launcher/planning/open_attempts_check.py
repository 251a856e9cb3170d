"""Whether a launch can follow what waits or runs on a cluster already, and hand the rest over. Reads no file."""

from __future__ import annotations

from launcher.config import redact
from launcher.errors import InputError
from launcher.planning.decision import PlannedAction
from launcher.planning.plan import Plan
from launcher.shell_command import stop_to_type
from launcher.text import inline


def check_open(plan: Plan, cluster: str, *, fresh: bool) -> None:
    """Check that a launch can follow what waits or runs on a cluster already, and hand the rest over.

    Args:
        plan: its folder may hold attempts that a cluster has.
        cluster: the name of the cluster of this launch; "" if the workers run on this machine.
        fresh: everything is trained from its beginning.

    Raises:
        InputError: it runs elsewhere, or it is not what this launch would train, or a secret would be written.
    """
    followed = [
        each for each in plan.decisions if each.evidence.open_attempt and each.action is not PlannedAction.LEAVE
    ]
    names = inline(", ".join(decision.experiment.name for decision in followed), 300)
    stop = f"To end it: {stop_to_type(plan.sweep.job_file, plan.sweep.folders)}"
    if followed and not cluster:
        raise InputError(f"{names}: handed to a cluster, waits or runs there. Follow it with --on CLUSTER. {stop}")
    if followed and fresh:
        raise InputError(f"--fresh: {names} waits or runs on the cluster already. {stop}")
    changed = [
        decision.experiment.name
        for decision in followed
        if decision.action is PlannedAction.FOLLOW and decision.evidence.digest not in ("", decision.experiment.digest)
    ]
    if changed:
        raise InputError(
            f"{inline(', '.join(changed), 300)}: runs on the cluster with another configuration than the job file has "
            f"now. Undo the change, or end it. {stop}"
        )
    if cluster:
        _check_secrets(plan)


def _check_secrets(plan: Plan) -> None:
    """Check that no order would hold a secret: orders lie in the outcome folder.

    Raises:
        InputError: a configuration, the command or its environment has a secret.
    """
    settings = plan.sweep.settings
    hidden = [f"{key} of [config]" for key in sorted({k for each in plan.to_run for k in redact.keys(each.given)})]
    hidden += [f"{key} of sweep.env" for key in redact.keys(settings.env)]
    hidden += ["a word of sweep.command"] if redact.secrets_in(settings.command) else []
    if hidden:
        raise InputError(
            f"{inline(', '.join(hidden), 300)} looks like a secret, and an order for another machine would "
            "hold it in a file. Take it from an environment variable in the training code: on Slurm a job has those of "
            "this shell, on Ray those with which Ray was started on its node."
        )
