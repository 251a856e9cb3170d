"""From a job file to a plan: `job` reads it, `resolve` makes experiments, `plan` decides. It starts no worker."""
