"""The command line: options in, exit code out. `app` is the entry, `commands` has a module for each command."""
