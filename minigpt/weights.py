"""A trained model on disk: its weights, and beside them its configuration.

    outcome/mini_gpt_baseline.pt     state dict, readable with weights_only=True
    outcome/mini_gpt_baseline.json   the fields of TrainConfig

To load a model nothing is needed but this package. The checkpoints of an unfinished training are made by
`minigpt.training.state`.
"""

import dataclasses
import json
from pathlib import Path

import torch

from minigpt.atomic_write import atomic_write
from minigpt.config import TrainConfig
from minigpt.errors import TORCH_LOAD_ERRORS, CheckpointError, ConfigError
from minigpt.model import MiniGPT


def save_model(model: MiniGPT, path: Path) -> None:
    """Write the weights to `path` (.pt) and the configuration beside it (.json).

    The weights are written last: wherever there are weights, their configuration is there too.
    """
    with atomic_write(path.with_suffix(".json")) as file:
        file.write(json.dumps(dataclasses.asdict(model.config), indent=2).encode() + b"\n")
    with atomic_write(path) as file:
        torch.save({name: weight.cpu() for name, weight in model.state_dict().items()}, file)


def load_model(path: Path) -> MiniGPT:
    """Return the model in `path` (.pt), on the CPU, in eval mode.

    Raises:
        CheckpointError: a file is missing or damaged, or the two do not belong together.
    """
    weights = _read_weights(path)
    config = _read_config(path.with_suffix(".json"))
    try:
        model = MiniGPT(config)
    except (RuntimeError, TypeError, MemoryError) as error:  # torch's errors for sizes beyond any memory
        raise CheckpointError(f"{path.with_suffix('.json')} asks for a model that does not fit into memory") from error
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = " ".join(str(error).split("\n\t")[1:2]) or str(error)  # torch lists each weight on a line of its own
        raise CheckpointError(
            f"{path} does not fit {path.with_suffix('.json').name} ({first.strip()}): "
            "the two were written by different experiments; copy the pair again"
        ) from error
    return model.eval()


def _read_config(path: Path) -> TrainConfig:
    try:
        return TrainConfig(**json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}): it belongs beside the weights, copy it there"
        ) from error
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (ValueError, TypeError, RecursionError) as error:  # no JSON, no object, or fields of another version
        raise CheckpointError(f"{path} is not the configuration of a MiniGPT ({error}): copy it again") from error


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): check the name, or train it again") from error
    except (*TORCH_LOAD_ERRORS, MemoryError) as error:
        raise CheckpointError(f"{path} is damaged or no state dict: copy it again, or train it again") from error
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise CheckpointError(f"{path} holds a {type(weights).__name__}, no state dict: name the .pt of a training")
    return weights
