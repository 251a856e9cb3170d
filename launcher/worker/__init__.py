"""The worker: the child process that runs one attempt of one experiment and exits. `main` is its entry."""
