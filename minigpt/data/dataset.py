"""The examples of one configuration as a torch dataset. Shapes: N examples, T = seq_len."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from minigpt.config import TrainConfig
from minigpt.data.packed import Packed, open_packed


class SeqDataset(Dataset[Tensor]):
    """The examples of one configuration. Each is (T,) int64, padded at the end with `pad_token_id`.

    Raises:
        DataError: the data are missing or bad.
    """

    def __init__(self, config: TrainConfig) -> None:
        """Map the packed copy of the data file into memory. The copy is made if there is none."""
        self.examples: Packed = open_packed(config)

    def __len__(self) -> int:
        """Return N."""
        return len(self.examples.ids)

    def __getitem__(self, index: int) -> Tensor:
        """Return one example, copied out of the map."""
        return torch.from_numpy(self.examples.ids[index].astype("int64"))  # (T,)
