"""What the code as a whole promises: layers, sizes, names, docstrings, links. Each failure says the remedy."""

from __future__ import annotations

import ast
import configparser
import functools
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for package in ("launcher", "minigpt") for path in (ROOT / package).rglob("*.py"))
CODE = [*SOURCES, *(path for folder in ("jobs", "docs", "bench", "tests") for path in (ROOT / folder).rglob("*.py"))]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "jobs").glob("*.md")]
HEAVY = {
    "pandas": {"launcher/reports/frames.py"},
    "matplotlib": {
        f"launcher/reports/plots/{module}.py"
        for module in (
            "comparison",
            "frame",
            "names",
            "palette",
            "sheet",
            "sketch_figure",
            "style",
            "value_axis",
            "x_axis",
        )
    },
    "rich": {"launcher/terminal/screen.py"},
    "jinja2": {"launcher/reports/html/page.py", "launcher/reports/html/compiled_templates.py"},
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layers(package: str) -> list[list[str]]:
    """Read a package's layers from docs/ARCHITECTURE.md: a numbered list under "Layers of `package`", top first."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    section = re.search(rf"^### Layers of `{package}`\n(.*?)(?=^#|\Z)", text, re.M | re.S)
    assert section, f"docs/ARCHITECTURE.md has no section 'Layers of `{package}`'"
    return [re.findall(r"`([\w.]+)`", line) for line in re.findall(r"^\d+\. (.*)$", section[1], re.M)]


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Return the code of a file, for all tests: they look at it and change nothing."""
    return ast.parse(path.read_text())


@functools.cache
def imports(path: Path, *, at_top: bool = False) -> frozenset[str]:
    """Return the modules a file imports when it is imported; with `at_top` without those its functions import."""
    is_run = [isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in parsed(path).body]
    tops = [node for node, runs in zip(parsed(path).body, is_run, strict=True) if not runs]
    nodes = tops if at_top else [node for top in tops for node in ast.walk(top)]
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Return the package of ours that a module belongs to, `store` for `launcher.store.records`; or the module."""
    return [*module.split("."), "__init__"][1]


def graph(package: str) -> dict[str, set[str]]:
    """Return the modules of a package, each with those of the package that it imports, anywhere in its code."""
    modules = {module_of(path): path for path in SOURCES if path.is_relative_to(ROOT / package)}
    return {module: (imports(path) & modules.keys()) - {package, module} for module, path in modules.items()}


@pytest.mark.parametrize("package", ["launcher", "minigpt"])
def test_imports_point_down_the_layers(package: str) -> None:
    rank = {name: number for number, names in enumerate(layers(package)) for name in names}
    found = {room_of(module) for module in graph(package)} - {"__init__"}
    assert found == rank.keys(), (
        f"docs/ARCHITECTURE.md, layers of {package}: {found ^ rank.keys()} is there or here only"
    )
    for module, imported in graph(package).items():
        for other in imported if module != package else ():
            here, there = room_of(module), room_of(other)
            assert here == there or rank[there] > rank[here], (
                f"{module} imports {other}, and {there} is not below {here}. Move the code down, pass the value in, "
                "or change the layers in docs/ARCHITECTURE.md with a reason."
            )


@pytest.mark.parametrize("package", ["launcher", "minigpt"])
def test_no_import_leads_in_a_circle(package: str) -> None:
    left = {module: set(imported) for module, imported in graph(package).items() if module != package}
    while free := {module for module, imported in left.items() if not imported & left.keys()}:
        for module in free:
            del left[module]
    assert not left, f"these import each other: {sorted(left)}"


def test_what_a_worker_imports_is_below_it() -> None:
    lines = layers("launcher")
    below = lines[next(number for number, names in enumerate(lines) if "worker" in names) + 1 :]
    allowed = {"worker", *(name for names in below for name in names)}
    for module, imported in graph("launcher").items():
        if room_of(module) == "worker":
            above = {other for other in imported if room_of(other) not in allowed}
            assert not above, f"{module} imports {above}: a worker knows no launch, device or view"


def test_one_builder_knows_which_executors_there_are() -> None:
    """Code that names the local executor would have to change for the next one."""
    free = {"launcher.executors.base", "launcher.executors.rendezvous", "launcher.executors.forkserver"}
    free |= {"launcher.executors", "launcher.executors.process_tree"}
    for module, imported in graph("launcher").items():
        if room_of(module) != "executors" and module != "launcher.engine.build_executor":
            above = {other for other in imported if room_of(other) == "executors"} - free
            assert not above, (
                f"{module} imports {above}: it may know launcher.executors.base; the builder makes the rest"
            )


def test_adapters_are_imported_by_scripts_and_their_hooks_only() -> None:
    """Each imports its library at its top, which takes seconds."""
    for module, imported in graph("launcher").items():
        adapters = {other for other in imported if room_of(other) == "integrations"}
        allowed = {"launcher.integrations", "launcher.integrations.adapter"}
        if room_of(module) == "shim":
            allowed |= {"launcher.integrations.hooks"}
        is_hook = module == "launcher.integrations.hooks"
        assert is_hook or adapters <= allowed, f"{module} imports {adapters - allowed}"


def test_launcher_and_minigpt_do_not_know_each_other() -> None:
    for path in SOURCES:
        other = "minigpt" if path.is_relative_to(ROOT / "launcher") else "launcher"
        known = {name for name in imports(path) if name.split(".")[0] == other}
        assert not known, f"{name_of(path)} imports {known}: they meet in the contract (config, run) only"


@pytest.mark.parametrize("library", HEAVY)
def test_slow_libraries_are_imported_in_few_modules(library: str) -> None:
    importers = {name_of(path) for path in SOURCES if any(name.split(".")[0] == library for name in imports(path))}
    assert importers == HEAVY[library]


def test_an_installed_launcher_has_the_files_of_the_page() -> None:
    """What lies beside the code of the page is data of the package: a wheel has it, not only this folder."""
    page = ROOT / "launcher" / "reports" / "html"
    beside = {path.relative_to(page) for path in page.rglob("*") if path.suffix not in (".py", ".pyc", "")}
    assert {path.suffix for path in beside} >= {".html", ".css", ".js", ".LICENSE"}
    built = configparser.ConfigParser()
    built.read(ROOT / "setup.cfg")
    patterns = [
        pattern.removeprefix("reports/html/")
        for pattern in built["options.package_data"]["launcher"].split()
        if pattern.startswith("reports/html/")
    ]
    missing = {str(path) for path in beside if not any(path.match(pattern) for pattern in patterns)}
    assert not missing, f"setup.cfg, options.package_data, does not name {missing}"


def test_torch_is_imported_in_the_launcher_only_inside_worker_functions() -> None:
    for path in (path for path in SOURCES if path.is_relative_to(ROOT / "launcher")):
        top = {name.split(".")[0] for name in imports(path, at_top=True)}
        assert "torch" not in top, f"{name_of(path)}: import torch inside the function that runs in a worker"
        if any(name.split(".")[0] == "torch" for name in imports(path)):
            assert path.name == "payload.py", f"{name_of(path)} imports torch"


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_files_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    if text.strip() and path.name != "__init__.py":
        assert ast.get_docstring(parsed(path)), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_classes_and_functions_are_short(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        where = f"{name_of(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ClassDef):
            length = last_line(node) - node.lineno + 1
            assert length <= 200, f"{where}: the class {node.name} has {length} lines: split it by idea"
        elif isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = last_line(node) - body[0].lineno + 1 if body else 0
            assert length <= 40, f"{where}: the body of {node.name} has {length} lines: split it by idea"


def last_line(node: ast.stmt) -> int:
    assert node.end_lineno is not None, "code that was parsed has lines"
    return node.end_lineno


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_public_functions_have_docstrings_and_types(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            is_local = isinstance(node, ast.FunctionDef) and node.name == "read"
            assert is_local or ast.get_docstring(node), f"{name_of(path)}:{node.lineno}: {node.name} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_module_is_named_for_what_it_is_not(path: Path) -> None:
    assert path.stem not in ("utils", "common", "helpers", "manager", "misc")


PUBLIC = {
    "Best", "InUseError", "InputError", "LauncherError", "NoDeviceError", "Results", "Summary", "Sweep", "WriteError",
    "current", "load", "open", "plan", "read_history", "run",
}  # fmt: skip
ADAPTERS = {"LauncherCallback", "LauncherTracker"}  # of launcher.integrations, for scripts


def test_the_public_names_are_these() -> None:
    import launcher
    from launcher import errors

    assert set(launcher.__all__) == PUBLIC
    for name in PUBLIC:
        assert callable(getattr(launcher, name))
    kinds = {cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.LauncherError)}
    assert {cls.__name__ for cls in kinds} <= PUBLIC, "who calls launcher.run may catch each kind of error"
    assert set(dir(launcher)) >= PUBLIC
    with pytest.raises(AttributeError):
        importlib.import_module("launcher").nothing  # noqa: B018
    assert (ROOT / "launcher" / "py.typed").exists()


def test_a_public_name_is_looked_up_when_it_is_used() -> None:
    code = "import sys, launcher\nprint([name for name in sys.modules if name.startswith('launcher.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", "a worker imports the package too, and needs none of its names"


def test_a_training_script_loads_next_to_nothing_for_its_run() -> None:
    code = (
        "import sys; before = set(sys.modules); import launcher; launcher.current()\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    environment = {"PATH": "", "LAUNCHER_NAME": "a", "LAUNCHER_DIR": "/nowhere"}
    for known in (environment, {"PATH": ""}):
        command = [sys.executable, "-S", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=known)
        loaded = set(done.stdout.split())
        assert {"launcher", "launcher.current_run.current"} <= loaded
        ours = {name for name in loaded if name.startswith("launcher.") and "current_run" not in name}
        assert not ours, f"launcher.current() imports {ours}: it takes less than 5 ms, so import inside a function"
        heavy = {
            "torch", "orjson", "numpy", "pydantic", "typing", "json", "re", "pathlib", "threading", "enum",
        }  # fmt: skip
        assert not loaded & heavy, f"launcher.current() imports {loaded & heavy}: import inside a function"


def test_the_address_of_read_history_in_older_scripts_works() -> None:
    import launcher
    from launcher.history import read_history

    assert read_history is launcher.read_history


@pytest.mark.parametrize("path", [*DOCUMENTS, *(ROOT / "jobs").glob("*.py")], ids=name_of)
def test_documents_and_jobs_import_public_names_only(path: Path) -> None:
    for module, names in re.findall(r"^ *from (launcher[\w.]*) import ([\w, ]+)", path.read_text(), re.M):
        private = {name.strip() for name in names.split(",")} - PUBLIC - {"interpreter"}
        if re.fullmatch(r"launcher\.integrations\.\w+", module) and private <= ADAPTERS:
            continue
        assert module == "launcher", f"{name_of(path)} imports {module}: make the name public, in launcher/__init__.py"
        assert not private, f"{name_of(path)} imports {private}: not among the public names of launcher/__init__.py"


def anchors(path: Path) -> set[str]:
    """Return what a link into a Markdown file may name: its headings, as GitHub spells them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_in_the_documents_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", path.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        linked = path.parent / target if target else path
        assert linked.exists(), f"{name_of(path)} links to {target}, which does not exist"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{name_of(path)} links to {target}{anchor}; it has {anchors(linked)}"


def test_every_test_that_the_fault_table_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "faults.md").read_text()))
    defined = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    assert named <= defined, f"docs/faults.md names tests that are gone: {named - defined}"
    cases = {int(number) for name in named for number in re.findall(r"_(\d\d)(?=_)", name)}
    assert cases >= set(range(1, 31)), "every case of the fault table has its test, numbered, and users are told of it"


def test_every_command_of_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    for target in re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"```.*?```|`[^`]+`", text, re.S))):
        assert target in targets, f"README.md says make {target}; the Makefile has no such target"
    help_text = subprocess.run(
        [str(Path(__import__("sys").executable)), "-m", "launcher", "run", "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout  # fmt: skip
    for line in re.findall(r"python -m launcher[^\n`]*", text):
        for option in re.findall(r"--[a-z][a-z-]+", line):
            assert option in help_text, f"README.md says {line!r}; run has no option {option}"


def test_the_workplace_is_not_named() -> None:
    pattern = re.compile(r"\.\./shared|/work/|shared/design|speed\.md|faults\.md'")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        path = ROOT / name
        if path == Path(__file__) or not path.is_file() or path.suffix in (".png", ".pt"):
            continue
        assert not pattern.search(path.read_text(errors="replace")), f"{name} names the place it was made in"
