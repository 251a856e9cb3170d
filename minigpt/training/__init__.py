"""Training one experiment.

`experiment` has the loop and `step` one step of it. `state` is what a checkpoint holds, `deferred_loss` reads a loss
without making a GPU wait, and `run_protocol` says what training asks of its caller.
"""
