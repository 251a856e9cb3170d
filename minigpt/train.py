"""What a job file names as `minigpt.train:run`; and the command `python -m minigpt.train`.

A launcher calls `prepare(config)` once for each configuration, before any worker starts, and `run(config, run)` in a
worker. It finds the configuration class by reading the annotation of `run` here, without importing torch. The work is
done in `minigpt.training`, and the command is `minigpt.cli.train`.
"""

from minigpt.config import TrainConfig
from minigpt.training import experiment
from minigpt.training.run_protocol import Run

METRICS = {"loss": {"unit": "nats per token"}}  # a launcher writes the units at the axes of its plots


def prepare(config: TrainConfig) -> None:
    """Check the data completely and make the packed copy that all workers share.

    Raises:
        DataError: the data are missing, bad, or nothing but padding.
    """
    experiment.prepare(config)


def run(config: TrainConfig, run: Run) -> None:
    """Train `config` to its end, or until `run.should_stop`. Go on from the state that `run.load()` returns, if any.

    Raises:
        DataError: the data are missing or bad.
        ConfigError: `run.device` does not exist.
    """
    experiment.train(config, run)


if __name__ == "__main__":
    from minigpt.cli.train import app

    app()
