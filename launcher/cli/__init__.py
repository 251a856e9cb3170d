"""The command line: options in, exit code out. `app` is the way in, `commands` has one module a command."""
