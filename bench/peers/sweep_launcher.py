"""This repository's launcher, on two CPU slots or the first two GPUs.

    python bench/peers/sweep_launcher.py FOLDER

The same command again keeps what is done and goes on with the rest.
"""

from __future__ import annotations

import json
import os
import sys

from common import read

if __name__ == "__main__":
    folder, experiments = read()
    lines = ["[sweep]", 'target = "workload:run"', "metrics = []"]
    if not any(config.get("torch") for config in experiments.values()):
        lines.append("preload = []")
    lines += ["", "[config]", f"folder = {json.dumps(str(folder))}", "", "[experiments]"]
    for name, config in experiments.items():
        values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in config.items())
        lines.append(f"{json.dumps(name)} = {{ {values} }}")
    (folder / "job.toml").write_text("\n".join(lines) + "\n")
    os.chdir(folder)
    os.execv(sys.executable, [sys.executable, "-m", "launcher", "job.toml", "--parallel", "--devices", "0,1"])
