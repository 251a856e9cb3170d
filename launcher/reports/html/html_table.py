"""A table of the page: it scrolls in a box of its own, and a click on a heading sorts it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from launcher.reports.html.charts import escaped

_LONGEST = 300  # characters of a value that a table shows; the whole value is in sweep.json

Cell = tuple[str, Any]  # the text that is shown, and the value that the column is sorted by


class HtmlTable:
    """A table that grows by columns. Its rows are experiments or attempts."""

    def __init__(self, caption: str, picks: Sequence[int | None]) -> None:
        """Begin a table with a row for each of `picks`: the experiment that a click highlights, by index, or None."""
        self._caption = caption
        self._picks = picks
        self._heads: list[str] = []
        self._rows: list[list[str]] = [[] for _ in picks]

    def column(self, title: str, cells: Sequence[Cell], kind: str = "", marks: Sequence[str] = ()) -> None:
        """Add a column with a cell for each row. `kind` and, by row, `marks` are classes of the style sheet."""
        is_first = not self._heads
        classes = " ".join(filter(None, [kind, "left" if is_first else ""]))
        self._heads.append(
            f'<th scope="col" class="{classes}"><button type="button" data-sort>{escaped(title)}</button></th>'
        )
        for place, (shown, key) in enumerate(cells):
            mark = " ".join(filter(None, [kind, marks[place] if marks else ""]))
            attributes = f' class="{mark}"' if mark else ""
            if key != shown:
                attributes += f' data-v="{escaped(_sort_key(key))}"'
            short = shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
            tag = 'th scope="row"' if is_first else "td"
            self._rows[place].append(f"<{tag}{attributes}>{escaped(short)}</{tag.split(' ')[0]}>")

    def html(self) -> str:
        """Return the table."""
        picks = ["" if pick is None else f' data-e="{pick}" data-pick="{pick}"' for pick in self._picks]
        rows = "".join(f"<tr{pick}>{''.join(row)}</tr>" for pick, row in zip(picks, self._rows, strict=True))
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(self._caption)}"><table><caption>'
            f"{escaped(self._caption)}</caption><thead><tr>{''.join(self._heads)}</tr></thead><tbody>{rows}</tbody>"
            "</table></div>\n"
        )


def _sort_key(key: Any) -> str:
    if isinstance(key, float) and not math.isfinite(key):
        return ""
    return "" if key is None else str(key)


def plain_cells(texts: Sequence[str]) -> list[Cell]:
    """Return cells that are sorted by their text; a dash where it is empty."""
    return [(text or "-", text) for text in texts]


def value_cells(found: Sequence[Any], shown: Callable[[Any], str]) -> list[Cell]:
    """Return cells that are sorted by their value; a dash where it is None."""
    return [("-", "") if value is None else (shown(value), value) for value in found]
