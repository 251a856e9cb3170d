"""A sweep whose every word wants to be markup: two done, one failed, one that never ran."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from launcher.store.launch_info import Placement
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.provenance import environment

HOSTILE = (
    "</script><script>document.title='owned'</script>\"'&]]>--><img src=http://evil.example/x onerror=alert(1)>"
    "{{7*7}}{% raw %}\u2028\x00\x07\u202e|`*_"
)


def make_hostile(folder: Path) -> Paths:
    """Write the sweep."""
    paths = Paths(folder / "outcome", folder / "logs")
    paths.create()
    paths.telemetry("a").parent.mkdir(exist_ok=True)
    paths.telemetry("a").write_text(
        '{"attempt": 1, "at_s": 1, "cpu_percent": 9, "memory_bytes": 1, "peak_memory_bytes": 1, "num_processes": 1}\n'
        '{"attempt": 1, "at_s": 2, "cpu_percent": 8, "memory_bytes": 1, "peak_memory_bytes": 1, "num_processes": 1}\n'
    )
    planned = [
        ManifestExperiment(name, {"note": HOSTILE + name}, {"note": HOSTILE + name[0], "same": HOSTILE}, name)
        for name in ("a", "b", "c", "d")
    ]
    slots = [Placement(device=HOSTILE)]
    launch = replace(environment(), argv=["x.py", HOSTILE], commit=HOSTILE, host=HOSTILE, slots=slots)
    details = {"loss": {"unit": "<b>nats</b>"}}
    write_manifest(
        paths,
        Manifest(HOSTILE, HOSTILE + ".toml", HOSTILE, 0, ["loss"], [], planned, launch, metric_details=details),
    )
    events = []
    for place, name in enumerate("abc"):
        ending = "failed" if name == "b" else "done"
        about = {"experiment": name, "device": HOSTILE, "threads": 1}
        events.append({"at": f"2026-01-01T00:0{place}:00+00:00", "event": "started", "attempt": 1, **about})
        events.append({"event": "ended", "attempt": 1, "ending": ending, "why": HOSTILE * 20, "seconds": 50, **about})
        lines = [{"kind": "start"}, {"kind": "info", HOSTILE: HOSTILE + name, "shared": HOSTILE}]
        lines += [{"step": step, "loss": "nan" if step == 7 else 9.0 / step, "tokens": step} for step in range(1, 30)]
        lines += [{"kind": "end", "ending": ending, "error": HOSTILE}]
        rows = [json.dumps({"n": n, "attempt": 1, "at_s": n / 10, **line}) for n, line in enumerate(lines, start=1)]
        paths.records(name).write_text("\n".join(rows) + "\n")
        paths.log(name).write_bytes((HOSTILE * 30 + "\n").encode() + b"\xff\x00\x1b[31m\n")
    paths.events.write_text("".join(json.dumps(event) + "\n" for event in events))
    return paths
