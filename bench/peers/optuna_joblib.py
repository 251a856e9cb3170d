"""Optuna: a trial for each experiment, stored in SQLite, in two processes of joblib.

    python bench/peers/optuna_joblib.py FOLDER

The same command again loads the study and runs the trials that still wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
from common import read, train
from joblib import Parallel, delayed
from optuna.trial import Trial, TrialState


def run_trial(storage: str, folder: Path, experiments: dict[str, dict[str, Any]]) -> None:
    """Run the next trial that waits."""

    def objective(trial: Trial) -> float:
        name = trial.suggest_categorical("experiment", list(experiments))
        train(name, experiments[name], folder)
        return 0.0  # nothing is searched for

    optuna.load_study(study_name="sweep", storage=storage).optimize(objective, n_trials=1)


def main() -> None:
    """Enqueue the trials that the study does not have, and run those that wait."""
    folder, experiments = read()
    storage = f"sqlite:///{folder}/study.db"
    study = optuna.create_study(study_name="sweep", storage=storage, load_if_exists=True)
    for name in experiments:
        study.enqueue_trial({"experiment": name}, skip_if_exists=True)
    waiting = study.get_trials(states=(TrialState.WAITING,))
    Parallel(n_jobs=2)(delayed(run_trial)(storage, folder, experiments) for _ in waiting)


if __name__ == "__main__":
    main()
