"""Makes the order of an attempt on a cluster, from the plan and the specification of its worker."""

from __future__ import annotations

import glob
import os
from dataclasses import replace

from launcher.clusters.fingerprint import fingerprint
from launcher.clusters.order import Order
from launcher.engine.code_copy import CodeCopy
from launcher.planning.attempt_script import attempt_script, resume_pattern
from launcher.planning.cluster_slots import can_resume, checkpoint_s, needs
from launcher.planning.plan import Plan
from launcher.worker.spec import Spec


class OrderMaker:
    """Makes the orders of one launch. `copy`: of the code, if attempts are to run a copy."""

    def __init__(self, plan: Plan, beat_s: float, copy: CodeCopy | None = None) -> None:
        self._plan = plan
        self._beat_s = beat_s
        self._gpus = needs(plan.sweep).gpus or 0
        self._checkpoint_s = checkpoint_s(plan.sweep, len(plan.to_run))
        self._copy = copy
        self._code: dict[str, str] | None = None
        self._decisions = {decision.experiment.name: decision for decision in plan.decisions}

    def order(self, spec: Spec) -> Order:
        """Return the order of an attempt."""
        settings, cluster = self._plan.sweep.settings, self._plan.sweep.cluster
        spec = self._from_copy(replace(spec, checkpoint_s=self._checkpoint_s))
        again = self._again(spec)
        modules = settings.modules_to_preload
        return Order(
            spec=spec,
            again=again and self._from_copy(again),
            again_needs=self._again_needs(spec),
            gpus=self._gpus,
            prepares=bool(settings.target),
            preload=self._copy.outside(modules, spec.folder) if self._copy else modules,
            metrics=settings.metrics,
            is_maximized=self._plan.is_maximized,
            telemetry_s=settings.telemetry_s,
            grace_s=settings.grace_s,
            beat_s=self._beat_s,
            kill_after_s=settings.kill_after_s,
            limit_s=cluster.seconds,
            submits_successor=cluster.seconds is not None or can_resume(self._plan.sweep),
            code=self._fingerprint(spec),
        )

    def _from_copy(self, spec: Spec) -> Spec:
        return self._copy.spec(spec) if self._copy else spec

    def _fingerprint(self, spec: Spec) -> dict[str, str]:
        """Return what must be the same on the node. All experiments of a sweep train the same code."""
        if self._code is None:
            self._code = fingerprint(spec)
        return self._code

    def _again_needs(self, spec: Spec) -> str:
        """Return the pattern of the files from which a script goes on."""
        if spec.script is None:
            return ""
        pattern = resume_pattern(self._plan, self._decisions[spec.experiment], spec.paths, spec.threads)
        return os.path.join(glob.escape(str(spec.script.folder)), pattern) if pattern else ""

    def _again(self, spec: Spec) -> Spec | None:
        """Return the specification of the attempt that goes on from this one; None for a target: it only has a number.

        A script that goes on gets other arguments, if the job file says which.
        """
        if spec.script is None:
            return None
        decision = replace(self._decisions[spec.experiment], attempt=spec.attempt).after_attempt({})
        paths = spec.paths.of_attempt(decision.attempt)
        script = attempt_script(self._plan, decision, paths, spec.device_type, spec.threads, is_sure=True)
        return replace(spec, attempt=decision.attempt, paths=paths, script=script)
