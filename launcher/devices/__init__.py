"""The GPUs and slots of this machine: which exist, who uses them, and what may start on them."""
