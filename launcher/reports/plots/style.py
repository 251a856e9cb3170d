"""How all plots look, and how a figure is written to a file.

Colours are those of Okabe and Ito (2008, "Color Universal Design"), from dark to light so that they also differ in
greyscale. Each line has a dash pattern of its own: no two of 35 neighbours have the same colour and dash.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Figure  # for annotations elsewhere
from matplotlib.font_manager import FontProperties

from launcher.store.paths import write_atomic

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)))
GREY = "#8c8c8c"  # of lines that are not named
NOTE_COLOUR = "#555555"
NAME_SIZE = 8.0  # points
NOTE_SIZE = 7.0
DOTS = 150  # an inch
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "figure.dpi": DOTS,
    "savefig.dpi": 300,  # of what SVG and PDF hold as pixels
    "text.parse_math": False,
    "svg.hashsalt": "launcher",
    "pdf.fonttype": 42,
}
_UNDATED: dict[str, Any] = {
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as the kind of file that the path's suffix names. The same figure gives the same bytes.

    Raises:
        OSError: the file could not be written; the old one is intact.
    """
    image = io.BytesIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # of a unit or a value that the font does not have
        if path.suffix == ".png":
            # `Figure.savefig` would draw twice, the first time only to measure. The weakest compression makes files
            # that are a quarter larger, in a fifth of the time.
            options: Any = {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 1}}
            FigureCanvasAgg(figure).print_png(image, **options)  # type: ignore[no-untyped-call]
        else:
            figure.savefig(image, format=path.suffix[1:], metadata=_UNDATED[path.suffix])
    write_atomic(path, image.getvalue())


def png(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file."""
    image = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        FigureCanvasAgg(figure).print_png(image)  # type: ignore[no-untyped-call]
    return image.getvalue()


def width_of(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return the width of a line of text in inches; `size` is in points."""
    font = FontProperties(size=size, weight="bold" if is_bold else "normal")
    renderer: Any = _canvas.get_renderer()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        width, _, _ = renderer.get_text_width_height_descent(text, font, False)
    return float(width) / DOTS


def fitted(text: str, width: float, size: float) -> str:
    """Return a line of text, cut with `…` at its end where it is wider than `width` inches."""
    if width_of(text, size) <= width:
        return text
    keep = len(text)
    while keep and width_of(f"{text[:keep]}…", size) > width:
        keep -= 1 + (keep > 100)
    return f"{text[:keep].rstrip()}…"


_canvas = FigureCanvasAgg(Figure(dpi=DOTS))
