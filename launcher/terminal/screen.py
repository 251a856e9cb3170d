"""Turns a snapshot of a launch into lines of text: for a screen of a given size, or whole.

    report  2/5 ended  ━━━━━━━━━━━━────────  1 failed  2 running  1 waiting  12:31  5:05 left
    best loss 5.3325: n_layers_1, step 1871
    experiment     state    device        step    loss    best  tokens/s   time   left
    n_layers_1     running  GPU 1    2010/2168  5.9063  5.3325    41,000  12:20   0:58
    …
    30 done
    12 wait: lr=0.3, lr=0.1, lr=0.03, …
    logs: logs/report · all rows: kill -USR1 4711

Where the width does not suffice, the least needed columns are left out and names are shortened by what they share.
Where the height does not suffice, running experiments are shown first, then failed, interrupted and done ones; the
others are counted in one line.

The functions are pure: they ask no terminal, clock or environment. A frame of 17 lines takes 1.2 ms of CPU and a frame
of 44 lines 2.5 ms; 1,000 experiments add 0.5 ms. rich's own Table took 45 ms for 40 rows. This is the only module that
imports rich, which takes 60 ms; so it is imported when a person is there to look at it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from launcher.engine.snapshot import GROUPS, Group, Snapshot, SnapshotRow
from launcher.reports.text_table import (
    GAP,
    UNLIMITED,
    WARNING,
    Column,
    Line,
    cut,
    fit,
    layout,
    plain,
    short_in,
    value_style,
)
from launcher.short_names import LEAST
from launcher.terminal.one_line import names_in_line, parts_that_fit
from launcher.terminal.state_cell import STYLES, state_cell
from launcher.text import clock, inline, number, plural, size

# A frame of so many lines has titles, the waiting experiments, logs, the best one, a blank line.
ROOM_FOR_TITLES, ROOM_FOR_WAITING, ROOM_FOR_LOGS, ROOM_FOR_BEST, ROOM_FOR_BLANK = 4, 5, 6, 7, 9
FAILED_SHARE = 4  # the part of the rows that failed experiments take where there is not enough space
BAR = 20  # cells of the bar that shows progress
WORTH_A_STEP = 20  # cells for the name of the best experiment: where there are fewer, its step is left out
LONGEST_METRIC = 12  # characters of its name in a title
VERBS: dict[Group, str] = {
    "running": "run",
    "failed": "failed",
    "interrupted": "interrupted",
    "waiting": "wait",
    "done": "done",
}


def frame(snapshot: Snapshot, width: int, height: int, *, has_color: bool) -> list[str]:
    """Return at most `height` lines for a screen, each at most `width` cells wide."""
    # The blank line is first. Enter moves everything up by one line, and the first line of the frame is left behind.
    lines: list[Line] = [[]] if height >= ROOM_FOR_BLANK else []
    lines += _Layout(snapshot, width).lines(height - len(lines))
    console = Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=has_color,
        color_system="standard" if has_color else None,
        legacy_windows=False,
        _environ={},
    )
    joined: Line = []
    for line in lines:
        joined += [*line, ("\n", "")]
    # One Text for all lines is three times as fast as a Text for each line.
    with console.capture() as captured:
        console.print(Text.assemble(*joined[:-1]), no_wrap=True, overflow="ellipsis")
    return captured.get().split("\n")[: len(lines)]


def whole(snapshot: Snapshot, width: int | None) -> list[str]:
    """Return all rows as plain lines, with all columns, or with those that fit into `width`."""
    return [plain(line) for line in _Layout(snapshot, width or UNLIMITED).all_lines()]


class _Layout:
    """The parts of a frame of a given width."""

    def __init__(self, snapshot: Snapshot, width: int) -> None:
        self._snapshot = snapshot
        self._width = width
        self._by_group: dict[Group, list[SnapshotRow]] = {group: [] for group in GROUPS}
        for row in snapshot.rows:
            self._by_group[row.group].append(row)
        self._num = {group: len(rows) for group, rows in self._by_group.items()}
        self._is_over = not self._num["running"] and (snapshot.is_stopping or not self._num["waiting"])

    def all_lines(self) -> list[Line]:
        """Return a line for each experiment, and the lines around them."""
        rows = [row for group in GROUPS for row in self._by_group[group]]
        return [self._heading(), *self._best(), *self._table(rows, has_titles=True), self._logs()]

    def lines(self, height: int) -> list[Line]:
        """Return as many lines as there is room for."""
        if height < 1:
            return []
        is_waiting_apart = height >= ROOM_FOR_WAITING
        best = self._best() if height >= ROOM_FOR_BEST else []
        waiting = self._waiting() if is_waiting_apart else []
        logs = [self._logs()] if height >= ROOM_FOR_LOGS else []
        has_titles = height >= ROOM_FOR_TITLES
        groups = [group for group in GROUPS if group != "waiting" or not is_waiting_apart]
        space = height - 1 - has_titles - len(best) - len(waiting) - len(logs)
        rows = self._rows(groups, space)
        shown = rows if len(rows) <= space else rows[: max(0, space - (space > 1))]
        lines = [self._heading(), *best, *self._table(shown, has_titles=has_titles)]
        if len(shown) < len(rows) and space > 1:
            lines.append([(self._rest(groups, shown), "dim")])
        return [*lines, *waiting, *logs]

    def _rows(self, groups: Sequence[Group], space: int) -> list[SnapshotRow]:
        """Return the rows in the order in which they are shown, as far as there is space.

        Where it does not suffice, those that failed or were interrupted take a quarter of it each, if others need it.
        """
        share = max(2, space // FAILED_SHARE)
        early = {group: share if group in ("failed", "interrupted") else None for group in groups}
        if sum(self._num[group] for group in groups) <= space:
            early = dict.fromkeys(groups)
        late = [row for group in groups if early[group] is not None for row in self._by_group[group][early[group] :]]
        return [row for group in groups for row in self._by_group[group][: early[group]]] + late

    def _heading(self) -> Line:
        snapshot, num = self._snapshot, self._num
        num_all = len(snapshot.rows)
        num_ended = num_all - num["running"] - num["waiting"]
        share = (num_ended + sum(map(_share, self._by_group["running"]))) / max(1, num_all)
        full = min(BAR, int(share * BAR))
        broken = [number(row.value) for row in snapshot.rows if _is_broken(row)]
        words = broken[0] if len(set(broken)) == 1 else "not finite"
        parts = [
            (3, inline(snapshot.sweep, 30), "bold"),
            (0, f"{num_ended}/{num_all} ended", ""),
            (6, "━" * full + "─" * (BAR - full), "green"),
            (1, self._counted("failed"), STYLES["failed"]),
            (2, f"{len(broken)} {words}" if broken else "", WARNING),
            (5, self._counted("interrupted"), STYLES["interrupted"]),
            *self._to_come(),
            (7, clock(snapshot.time_s), ""),
            (2, f"{clock(snapshot.left_s)} left" if snapshot.left_s is not None and not self._is_over else "", ""),
        ]
        return parts_that_fit(parts, self._width, GAP)

    def _to_come(self) -> list[tuple[int, str, str]]:
        """Return the parts of the heading that say what the launch waits for."""
        snapshot, num = self._snapshot, self._num
        if not snapshot.is_stopping:
            parts = [(4, self._counted("running"), ""), (5, self._counted("waiting"), "")]
            return [(1, self._drawing(), "bold")] if self._is_over else parts
        doing = self._drawing()
        if not self._is_over:
            doing = plural(num["running"], "experiment") + (" saves" if num["running"] == 1 else " save")
        left_out = f"{num['waiting']} not started" if num["waiting"] else ""
        return [(1, f"stopping: {'; '.join(filter(None, [doing, left_out]))}", "bold")]

    def _drawing(self) -> str:
        found = self._snapshot.drawing
        return "drawing" if found is None else f"drawing {found[0]} of {found[1]}"

    def _counted(self, group: Group) -> str:
        return f"{self._num[group]} {group}" if self._num[group] else ""

    def _best(self) -> list[Line]:
        snapshot = self._snapshot
        best = snapshot.best
        if best is None or best.best is None:
            return []
        step = f", step {best.best_step}" if best.best_step is not None else ""
        start = f"best {snapshot.metric} {number(best.best)}: "
        if self._width - len(start) - len(step) < WORTH_A_STEP:
            step = ""
        room = max(LEAST, self._width - len(start) - len(step))
        name = short_in(snapshot.names or [best.experiment], room)[best.experiment]
        return [[(cut(start + name + step, self._width), "")]]

    def _waiting(self) -> list[Line]:
        if not self._num["waiting"] or self._snapshot.is_stopping:
            return []  # the heading has their number
        waiting = [row.experiment for row in self._by_group["waiting"]]
        start = f"{len(waiting)} {'waits' if len(waiting) == 1 else 'wait'}: "
        return [[(start + names_in_line(waiting, self._snapshot.names, self._width - len(start)), STYLES["waiting"])]]

    def _rest(self, groups: Sequence[Group], shown: Sequence[SnapshotRow]) -> str:
        """Return how many of each group are not shown: `3 more failed, 30 done`."""
        num_shown = Counter(row.group for row in shown)
        parts = []
        for group in groups:
            num_left = self._num[group] - num_shown[group]
            if num_left:
                parts.append(f"{num_left}{' more' if num_shown[group] else ''} {VERBS[group]}")
        return ", ".join(parts)

    def _table(self, rows: Sequence[SnapshotRow], *, has_titles: bool) -> list[Line]:
        """Return the rows as lines, with the columns that have something in them and fit."""
        if not rows:
            return []
        columns = [column for column in _columns(self._snapshot.metric, rows) if any(column.cells)]
        names = [row.experiment for row in rows]
        return layout(fit(names, columns, self._width, self._snapshot.names), has_titles=has_titles)

    def _logs(self) -> Line:
        snapshot = self._snapshot
        rows = f"all rows: kill -USR1 {snapshot.pid}"
        return parts_that_fit([(0, f"logs: {inline(snapshot.logs)}", "dim"), (1, rows, "dim")], self._width, " · ")


def _is_broken(row: SnapshotRow) -> bool:
    return row.group != "failed" and bool(value_style(row.value))


def _share(row: SnapshotRow) -> float:
    return min(1.0, row.step / row.total) if row.step and row.total else 0.0


def _columns(metric: str, rows: Sequence[SnapshotRow]) -> list[Column]:
    """Return all columns but that of the names, from left to right."""

    def _column(title: str, rank: int, min_width: int, cell: Callable[[SnapshotRow], str]) -> Column:
        return Column(title, [cell(row) for row in rows], rank, min_width)

    states = [state_cell(row.state, row.group, row.value) for row in rows]
    values = _column(cut(metric, LONGEST_METRIC), 2, 7, lambda row: _known(row.value, number))
    return [
        Column("state", [text for text, _ in states], 1, 8, is_left=True, styles=[style for _, style in states]),
        Column("device", [inline(row.device, 24) for row in rows], 5, 5, is_left=True),
        _column("step", 0, 7, _steps),
        replace(values, styles=[value_style(row.value) for row in rows]),
        _column("best", 6, 7, lambda row: _known(row.best, number)),
        _column("tokens/s", 7, 8, lambda row: _known(row.tokens_per_s, "{:,.0f}".format)),
        _column("time", 4, 5, lambda row: _known(row.time_s, clock)),
        _column("left", 3, 5, lambda row: _known(row.left_s, clock)),
        _column("memory", 9, 7, lambda row: _known(row.memory_bytes, size)),
        _column("GPU mem", 8, 7, lambda row: _known(row.gpu_memory_bytes, size)),
        _column("CPU", 10, 5, lambda row: _known(row.cpu_percent, "{:.0f}%".format)),
    ]


def _steps(row: SnapshotRow) -> str:
    if row.step is None:
        return ""
    return f"{row.step}/{row.total}" if row.total else str(row.step)


def _known(value: float | None, form: Callable[[float], str]) -> str:
    return "" if value is None else form(value)
