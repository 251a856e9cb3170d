"""Ways to start, watch and end a worker. `local` is the one for this machine."""
