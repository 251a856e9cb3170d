"""A trained model on disk: the weights, and beside them the configuration they belong to.

    outcome/mini_gpt_baseline.pt     state dict, readable with weights_only=True
    outcome/mini_gpt_baseline.json   the fields of TrainConfig

Lives here: writing and reading that pair. The state of a training under way is `minigpt.resume`. Called by
`minigpt.train` at its end and by whoever uses the model, who needs nothing but this package.
"""

import dataclasses
import json
from pathlib import Path

import torch

from minigpt.config import TrainConfig
from minigpt.errors import UNREADABLE, CheckpointError, ConfigError
from minigpt.files import written_beside
from minigpt.model import MiniGPT


def save_model(model: MiniGPT, path: Path) -> None:
    """Write `path` and its .json; the weights last, so where they are, the configuration is."""
    with written_beside(path.with_suffix(".json")) as file:
        file.write(json.dumps(dataclasses.asdict(model.config), indent=2).encode() + b"\n")
    with written_beside(path) as file:
        torch.save({name: weight.cpu() for name, weight in model.state_dict().items()}, file)


def load_model(path: Path) -> MiniGPT:
    """Return the model in `path` (.pt), on the CPU, ready to use: dropout is off.

    Raises:
        CheckpointError: a file is missing or damaged, or the two do not belong together.
    """
    weights = _weights(path)
    config = _config(path.with_suffix(".json"))
    try:
        model = MiniGPT(config)
    except (RuntimeError, TypeError, MemoryError) as error:  # what torch raises for sizes beyond any memory
        raise CheckpointError(f"{path.with_suffix('.json')} asks for a model that does not fit into memory") from error
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = " ".join(str(error).split("\n\t")[1:2]) or str(error)
        raise CheckpointError(
            f"{path} does not fit {path.with_suffix('.json').name} ({first.strip()}): "
            "the two were written by different experiments; copy the pair again"
        ) from error
    return model.eval()


def _config(path: Path) -> TrainConfig:
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


def _weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): check the name, or train it again") from error
    except (*UNREADABLE, MemoryError) as error:
        raise CheckpointError(f"{path} is damaged or no state dict: copy it again, or train it again") from error
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise CheckpointError(f"{path} holds a {type(weights).__name__}, no state dict: name the .pt of a training")
    return weights
