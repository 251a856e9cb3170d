"""A loop that logs by an Accelerator. It knows nothing of the launcher."""

import accelerate
import torch

accelerator = accelerate.Accelerator(cpu=True)
accelerator.init_trackers("toys")
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model, optimizer = accelerator.prepare(model, optimizer)
for step in range(1, 4):
    loss = (model(torch.ones(1, 1)) - 2).square().mean()
    accelerator.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
    accelerator.log({"train/loss": loss.item()}, step=step)
accelerator.end_training()
