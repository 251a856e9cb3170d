"""The configuration of the toy. In a module of its own, so that a launch needs no process to check it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ToyConfig:
    steps: int = 5
    step_s: float = 0.0
    at: int = 0  # the step before which `act` happens; 0: before the first
    act: str = ""
    acks: str = ""  # a folder for one file an experiment: a line for each record whose run.log has returned
    barrier: str = ""  # a file to wait for before the last step
    lr: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps must not be negative, not {self.steps}")
