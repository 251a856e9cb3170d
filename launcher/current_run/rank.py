"""`is_first_rank`: whether this process speaks for the experiment, where several processes train it together."""

from __future__ import annotations

import os
import sys


def is_first_rank() -> bool:
    """Return whether this process is rank 0, or there are no ranks.

    The rank is that of the environment, which the launcher, torchrun and accelerate set. A script that starts its ranks
    itself (`torch.multiprocessing.spawn`) tells it to torch only.
    """
    rank = os.environ.get("RANK", "")
    if rank:
        return rank == "0"
    distributed = sys.modules.get("torch.distributed")
    try:
        return distributed is None or not distributed.is_initialized() or distributed.get_rank() == 0
    except (AttributeError, RuntimeError, ValueError):
        return True  # torch has no distributed training, or is being imported
