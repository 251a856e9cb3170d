"""An older address of `launcher.read_history`, kept for scripts that import it from here."""

from launcher.store.history import read_history as read_history
