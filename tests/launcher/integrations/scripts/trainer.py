"""A Trainer of transformers on a tiny model. It knows nothing of the launcher."""

import argparse
import sys

import torch
from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

parser = argparse.ArgumentParser()
parser.add_argument("--output_dir", required=True)
parser.add_argument("--max_steps", type=int, default=6)
parser.add_argument("--learning_rate", type=float, default=0.1)
args = parser.parse_args()


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x, labels):
        out = self.linear(x)
        return {"loss": torch.nn.functional.mse_loss(out, labels), "logits": out}


class Points(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, place):
        x = torch.tensor([place / 64])
        return {"x": x, "labels": 2 * x}


known = TrainingArguments(
    output_dir=args.output_dir, max_steps=args.max_steps, learning_rate=args.learning_rate, logging_steps=2,
    eval_strategy="steps", eval_steps=3, save_steps=1_000_000, report_to="none", use_cpu=True, disable_tqdm=True,
    per_device_train_batch_size=4, dataloader_num_workers=0,
)  # fmt: skip
trainer = Trainer(model=Line(), args=known, train_dataset=Points(), eval_dataset=Points())
last = get_last_checkpoint(args.output_dir)
trainer.train(resume_from_checkpoint=last)
print("ended at", trainer.state.global_step, "after", last)
sys.exit(0)
