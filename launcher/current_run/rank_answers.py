"""`RankAnswers`: the ranks of a script get the same answers to `should_stop` and `should_save`.

The ranks are processes of one machine, which nothing connects that the launcher knows of. So they share a file for each
question, in the experiment's folder. The files of earlier attempts are removed.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from launcher.current_run.agreement import Agreement


class RankAnswers:
    """The answers to each question, by its name. Where there is a single rank, its own answer is the answer."""

    def __init__(self, folder: str, attempt: int) -> None:
        self._folder = folder
        self._attempt = attempt
        self._agreements: dict[str, Agreement] = {}

    def answer(self, question: str, own: bool) -> bool:
        """Return the answer that all ranks get. `own`: what this rank would say by itself."""
        if os.environ.get("WORLD_SIZE", "1") in ("", "1"):
            return own
        if question not in self._agreements:
            try:
                self._agreements[question] = self._open(question)
            except OSError:  # the folder cannot be written
                return own
        return self._agreements[question].answer(own)

    def close(self) -> None:
        """Release the files."""
        while self._agreements:
            self._agreements.popitem()[1].close()

    def _open(self, question: str) -> Agreement:
        import contextlib

        from launcher.current_run.agreement import Agreement

        # torchrun may start all ranks again within an attempt, and each counts its questions anew then.
        told = [os.environ.get(name, "") for name in ("MASTER_PORT", "TORCHELASTIC_RESTART_COUNT")]
        begin = "-".join([str(self._attempt), *told])
        os.makedirs(self._folder, exist_ok=True)
        for name in os.listdir(self._folder):
            if not name.startswith(f"{begin}."):
                with contextlib.suppress(OSError):  # another rank has removed it
                    os.unlink(os.path.join(self._folder, name))
        path = os.path.join(self._folder, f"{begin}.{question}")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        return Agreement(is_lasting=question == "should_stop", fd=fd)
