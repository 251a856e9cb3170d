"""Machines beyond this machine: what Slurm, Ray or another cluster is asked, and what a node is told."""
