"""Which format a source's file has."""

from __future__ import annotations

from launcher.sources.json_lines import JsonParser, RunParser
from launcher.sources.source import Format, Parser, SourceSpec
from launcher.sources.template_parser import TemplateParser
from launcher.sources.text_file import TextFile


def format_of(spec: SourceSpec, number: int, path: str) -> Format:
    """Return the format of a file. `number`: of the source; `path`: of the file, which is read from `spec.begins` on.

    Raises:
        ValueError: a template of the description can match nothing of use.
    """
    return TextFile(number, _parser(spec), spec.begins.get(path, 0))


def _parser(spec: SourceSpec) -> Parser:
    match spec.kind:
        case "templates":
            return TemplateParser(spec.templates, spec.after_step)
        case "run":
            return RunParser()
        case _:
            return JsonParser(spec.after_step)
