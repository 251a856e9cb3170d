"""Which format a source's file has: that of its description, or for a file that was found by a glob, by its name."""

from __future__ import annotations

import os

from launcher.sources.auto import AutoParser
from launcher.sources.csv_file import CsvFile
from launcher.sources.json_file import JsonFile
from launcher.sources.json_lines import JsonParser, RunParser
from launcher.sources.log_file import SUFFIXES, LogFileParser
from launcher.sources.source import Format, Parser, SourceSpec
from launcher.sources.template_parser import TemplateParser
from launcher.sources.text_file import TextFile
from launcher.sources.tfevents import TfEvents


def format_of(spec: SourceSpec, number: int, path: str, begin: int) -> Format:
    """Return the format of a file.

    `number`: of the source. `begin`: the size of the file when the attempt began.

    Raises:
        ValueError: a template of the description can match nothing of use.
    """
    if spec.kind != "events":
        return TextFile(number, _parser(spec), begin)
    name = os.path.basename(path)
    if "tfevents" in name:
        return TfEvents(number, os.path.basename(os.path.dirname(path)), begin)
    if name.endswith(".csv"):
        return CsvFile(number, begin, spec.after_step)
    if name.endswith(".json"):
        return JsonFile(number, JsonParser(spec.after_step), path, begin, spec.metrics)
    if name.endswith(SUFFIXES) and (spec.templates or spec.is_auto):
        return TextFile(number, LogFileParser(spec, path, begin), begin)
    return TextFile(number, JsonParser(spec.after_step), begin)


def _parser(spec: SourceSpec) -> Parser:
    match spec.kind:
        case "templates":
            return TemplateParser(spec.templates, spec.after_step, epochs=spec.epochs)
        case "auto":
            return AutoParser(spec.after_step, spec.epochs)
        case "run":
            return RunParser()
        case _:
            return JsonParser(spec.after_step, spec.epochs)
