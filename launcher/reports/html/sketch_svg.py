"""Draws a sketch as an SVG in the page: what a plot shows as PNG. Colours are classes of the style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from launcher.reports.by_axis.sketch import SIZE, Dots, Point, Rect, Shape, Sketch, Strokes, Text
from launcher.text import printable


def svg(sketch: Sketch) -> str:
    """Return the SVG of a sketch. Every text is escaped."""
    size = f'width="{sketch.width:.0f}" height="{sketch.height:.0f}"'
    head = f'<svg class="sketch" {size} viewBox="0 0 {sketch.width:.0f} {sketch.height:.0f}" role="img"'
    words = f"<title>{_words(sketch.title)}</title><desc>{_words(sketch.description)}</desc>"
    return f"{head}>{words}{''.join(map(_shape, sketch.shapes))}</svg>"


def _shape(shape: Shape) -> str:
    match shape:
        case Rect():
            return _rect(shape)
        case Text():
            return _text(shape)
        case Strokes():
            path = "".join(f"M{'L'.join(map(_place, line))}" for line in shape.lines if line)
            dash = ' stroke-dasharray="5 3"' if shape.is_dashed else ""
            look = f'stroke-width="{shape.width:g}" opacity="{shape.opacity:.2g}"{dash}'
            return f'<path class="stroke {shape.role}" {look} d="{path}"/>'
        case Dots():
            return _dots(shape.points, shape)


def _rect(shape: Rect) -> str:
    place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
    look = f'fill="{shape.fill}"' if shape.fill else f'class="frame {shape.role}"'
    return f"<rect {place} {look}>{f'<title>{_words(shape.title)}</title>' if shape.title else ''}</rect>"


def _text(shape: Text) -> str:
    on_shade = {"#ffffff": "white", "#000000": "black"}.get(shape.fill, shape.role)
    classes = " ".join([on_shade, *(["small"] if shape.size < SIZE else []), *(["strong"] if shape.is_bold else [])])
    look = f'class="{classes}"'
    place = f'x="{shape.x:.1f}" y="{shape.y:.1f}"'
    if shape.is_upright:
        place = f'transform="translate({shape.x:.1f} {shape.y:.1f}) rotate(-90)"'
    return f'<text {look} {place} text-anchor="{shape.anchor}" dominant-baseline="central">{_words(shape.words)}</text>'


def _dots(points: Sequence[Point], shape: Dots) -> str:
    if shape.is_cross:
        reach = shape.radius
        path = "".join(
            f"M{x - reach:.1f} {y - reach:.1f}l{2 * reach} {2 * reach}m0 {-2 * reach}l{-2 * reach} {2 * reach}"
            for x, y in points
        )
        return f'<path class="stroke {shape.role}" stroke-width="1.8" d="{path}"/>'
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius:g}"/>' for x, y in points)
    return f'<g class="dots {shape.role}" opacity="{shape.opacity:.2g}">{dots}</g>'


def _place(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _words(text: str) -> str:
    return escape(printable(text, None))
