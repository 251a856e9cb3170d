"""The commands that train a sweep again, check it and draw it again, quoted for a shell. Text from `sweep.json`."""

from __future__ import annotations

import shlex

from launcher.config.nested import dotted, leaves
from launcher.config.notation import write
from launcher.shell_command import words_as_typed
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from launcher.text import printable


def commands(manifest: Manifest, paths: Paths) -> str:
    """Return a shell script of a few lines: where, which commit, the same training, the check, the views."""
    launch = manifest.launch
    job, lines = manifest.job_file, []
    if launch.cwd:
        lines.append(f"cd {shlex.quote(launch.cwd)}")
    commit, _, is_dirty = launch.commit.partition("-")
    if commit:
        lines.append(f"git checkout {shlex.quote(commit)}" + ("  # tracked files differed from it" if is_dirty else ""))
    if typed := words_as_typed(launch.argv):
        lines += ["", "# as it was typed", shlex.join(typed)]
    given = _given(launch)
    again = ["python", "-m", "launcher", "run", job, *_placement(launch)]
    folders = [str(paths.outcome), str(paths.logs)]
    lines += ["", "# the same training, into folders of its own"]
    lines.append(shlex.join([*again, *given, "--outcome", f"{folders[0]}-again", "--logs", f"{folders[1]}-again"]))
    lines += ["", "# the first steps trained again and compared bit for bit with the records"]
    lines.append(shlex.join(["python", "-m", "launcher", "verify", "--job", job, *given, "--outcome", folders[0]]))
    lines += ["", "# tables, plots and this report made again from the records"]
    report = ["python", "-m", "launcher", "report", job, "--outcome", folders[0], "--logs", folders[1]]
    lines.append(shlex.join(report))
    return printable("\n".join(lines), None).strip() + "\n"


def _given(launch: LaunchInfo) -> list[str]:
    """Return the options that set keys of [config] again."""
    given = leaves(launch.cli_overrides)
    return [word for path, value in given for word in ("-S", f"{dotted(path)}={write(value)}")]


def _placement(launch: LaunchInfo) -> list[str]:
    """Return the options that name the same devices and threads, of which the numbers are a function."""
    words = ["--parallel"] if launch.is_parallel else []
    gpus = list(dict.fromkeys(slot.gpu_id for slot in launch.slots))
    if gpus:
        words += ["--devices", "cpu" if None in gpus else ",".join(filter(None, gpus))]
    if most := max((slot.slots_per_device for slot in launch.slots), default=""):
        words += ["--slots-per-device", most]
    threads = {slot.threads for slot in launch.slots}
    if len(threads) == 1 and (count := threads.pop()) is not None:
        words += ["--threads", str(count)]
    return words


def commands_about(name: str, manifest: Manifest, paths: Paths) -> list[str]:
    """Return the commands about one experiment: to read its log, to run it again, to have its plots as files.

    `name` is not quoted, so that it may be `launcher.store.paths.ANY`. Names need no quotes.
    """
    where = []
    typed = [word.partition("=")[0] for word in manifest.launch.argv]
    if "--outcome" in typed:
        where += ["--outcome", str(paths.outcome)]
    if "--logs" in typed:
        where += ["--logs", str(paths.logs)]
    job = shlex.join(["--job", manifest.job_file, *where])
    report = shlex.join([manifest.job_file, *where])
    lines = [f"follow {name} {job}", f"retry {name} {job}", f"report {report} --curves {name}"]
    return [printable(f"python -m launcher {line}", None).replace("\n", " ") for line in lines]
