"""Counts the file operations of a process in a folder: the calls that a network file system answers.

strace shows each call with the folder that it is about. Threads of the process count; its children do not.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

# Paths that are looked up, made, renamed or removed. To list a folder counts as one: its opening.
_CALLS = "open,openat,stat,lstat,newfstatat,statx,access,rename,unlink,unlinkat,mkdir,rmdir,link,readlink"
_THREADS = "clone,clone3"
_OF_DESCRIPTOR = re.compile(r'newfstatat\(\d+<[^>]*>, ""')  # of a file that is open: no path is looked up


def prefix(log: str) -> tuple[str, ...] | None:
    """Return what to type before a command so that strace writes its calls into a file; None without strace."""
    if shutil.which("strace") is None:
        return None
    calls = f"trace={_CALLS},{_THREADS}"
    return ("strace", "-qq", "-f", "-y", "--seccomp-bpf", "-s", "4096", "-e", calls, "-e", "signal=none", "-o", log)


def calls_of_process(lines: Sequence[str], folder: str) -> list[str]:
    """Return the calls of the traced process itself about a folder. `lines`: of the file of strace."""
    own = _threads(lines)
    found = []
    for line in lines:
        thread, _, call = line.partition(" ")
        call = call.lstrip()
        is_call = not call.startswith(("<...", "clone")) and not _OF_DESCRIPTOR.match(call)
        if is_call and thread in own and folder in call:
            found.append(call)
    return found


def _threads(lines: Sequence[str]) -> set[str]:
    """Return the numbers of the threads of the first process."""
    own = {lines[0].split()[0]}
    starts: set[str] = set()  # threads of which a clone was interrupted by another line of the file
    for line in lines:
        thread, _, call = line.partition(" ")
        if thread not in own or "clone" not in call:
            continue
        if "CLONE_THREAD" in call and "<unfinished" in call:
            starts.add(thread)
        elif "CLONE_THREAD" in call or (thread in starts and "resumed" in call):
            starts.discard(thread)
            if match := re.search(r" = (\d+)$", line):
                own.add(match[1])
    return own
