"""The command `python -m minigpt.data`, which is `minigpt.cli.data`."""

if __name__ == "__main__":
    from minigpt.cli.data import app

    app()
