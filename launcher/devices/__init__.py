"""The GPUs and slots of this machine: which there are, who is on them, and what may start there."""
