"""The command `python -m minigpt.sample`, which is `minigpt.cli.sample`. Drawing tokens is `minigpt.generation`."""

if __name__ == "__main__":
    from minigpt.cli.sample import app

    app()
