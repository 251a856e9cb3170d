"""A loop that logs to wandb, as wandb's own examples do. It knows nothing of the launcher."""

import argparse
import time

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--pause", type=float, default=0.0)
args = parser.parse_args()

with wandb.init(project="toys", config=vars(args)) as run:
    print("group and name:", run.settings.run_group, run.settings.run_name)
    for step in range(args.steps):
        wandb.log({"train/loss": 1.0 / (step + 1), "note": "text"}, commit=False)
        run.log({"accuracy": step / args.steps})
        time.sleep(args.pause)
    run.log({"late": 1.0}, step=10)
