"""Where records go while experiments run. `text_log` is the log that a person tails."""
