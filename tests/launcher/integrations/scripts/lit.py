"""A Trainer of Lightning on a tiny model. It knows nothing of the launcher."""

import argparse

import lightning
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--devices", type=int, default=1)
parser.add_argument("--folder", default=".")
parser.add_argument("--checkpoint", default=None)
parser.add_argument("--no_logger", action="store_true")
args = parser.parse_args()


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        loss = torch.nn.functional.mse_loss(self.linear(batch), 2 * batch)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", torch.nn.functional.mse_loss(self.linear(batch), 2 * batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


points = torch.utils.data.DataLoader(torch.arange(16).float().reshape(16, 1) / 16, batch_size=2)
trainer = lightning.Trainer(
    max_epochs=args.epochs, default_root_dir=args.folder, log_every_n_steps=2, accelerator="cpu", devices=args.devices,
    enable_progress_bar=False, enable_model_summary=False, logger=not args.no_logger,
)  # fmt: skip
trainer.fit(Line(), points, points, ckpt_path=args.checkpoint)
print("ended at", trainer.global_step, "checkpoints in", trainer.checkpoint_callback.dirpath)
