"""The figures of the structure: how easy the code is to enter. `make structure` prints them, each with its bound.

What is counted: classes of one name, modules over 300 lines, the functions that a read and a write pass, how often a
query is decoded, words that the glossary bans, fields of the document without a description.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import httpx

from service import logs
from service.app import create_app
from service.settings import Settings
from tests.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
LINES_MAX = 300
BASIS = "as_of=2025-06-10&known_position=12"
READS = {
    "an item": (f"/v1/restrictions/china-seven-rare-earths-control?{BASIS}", 65),
    "an issue": (f"/v1/issues/rare-earth-export-restrictions?{BASIS}", 75),
    "a list": (f"/v1/restrictions?party=CN&{BASIS}", 112),
    "exposure": (f"/v1/exposure?good=dysprosium&party=US&{BASIS}", 118),
}
"""Reads by name, each with the most functions that it may pass: a list and exposure have a search of their own."""
PROSE = (
    "service/**/*.py",
    "tests/**/*.py",
    "migrations/**/*.py",
    "docs/**/*.md",
    "seeds/*.md",
    "*.md",
    "openapi/*.json",
)
GLOSSARY = ROOT / "docs" / "glossary.md"
OPENINGS = re.compile(r"^(Give|Tell|Say)s?\b")


class Figure(NamedTuple):
    """One figure: what is counted, the count, the most that it may be, and where the first of them are."""

    name: str
    size: int
    most: int
    where: list[str]


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Return every module of the service with its syntax tree."""
    for path in sorted((ROOT / "service").rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def twice(kind: type[ast.ClassDef | ast.AsyncFunctionDef], name: str | None = None) -> dict[str, list[str]]:
    """Return the names of classes, or of one function, with the modules that define them at their top level."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, tree in sources():
        for node in tree.body:
            if isinstance(node, kind) and name in {None, node.name}:
                found[node.name].append(str(path))
    return found


def classes_of_one_name() -> Figure:
    """Count the class names that stand in two modules or more."""
    found = {name: paths for name, paths in twice(ast.ClassDef).items() if len(paths) > 1}
    return Figure("class names in two modules", len(found), 0, [f"{name}: {paths}" for name, paths in found.items()])


def pages() -> Figure:
    """Count the functions called `page`."""
    found = twice(ast.AsyncFunctionDef, "page")["page"]
    return Figure("functions called page", len(found), 4, found)


def long_modules() -> Figure:
    """Count the modules of the service that are too long to read at once."""
    sizes = {path: len((ROOT / path).read_text().splitlines()) for path, _ in sources()}
    found = [f"{path}: {size}" for path, size in sizes.items() if size > LINES_MAX]
    return Figure(f"modules over {LINES_MAX} lines", len(found), 3, found)


def unimported() -> Figure:
    """Count the modules of the rule that the tests of the domain do not load: they run without a database."""
    tests = [f"tests.domain.{path.stem}" for path in (ROOT / "tests" / "domain").glob("test_*.py")]
    rule = [f"service.domain.rule.{path.stem}" for path in (ROOT / "service/domain/rule").glob("[!_]*.py")]
    code = f"import sys, importlib\nfor name in {tests}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    found = sorted(set(rule) - set(loaded.stdout.split()))
    return Figure("modules of the rule that tests/domain leaves out", len(found), 0, found)


def banned() -> tuple[dict[str, str], dict[str, str]]:
    """Return the words and the names (those in backticks) that the glossary bans, each with the word to use."""
    rows = GLOSSARY.read_text().partition("## Words that we do not use")[2].splitlines()
    pairs = [row.strip("| ").split(" | ") for row in rows if row.startswith("|") and "---" not in row][1:]
    words = {word: better for word, better in pairs if "`" not in word}
    return words, {name.strip("`"): better for name, better in pairs if "`" in name}


def banned_words() -> Figure:
    """Count the words that the glossary bans, wherever people read, and docstrings that open with a verb of telling."""
    words, names = banned()
    written = re.compile(rf"\b({'|'.join(words)})(s|ing)?\b", re.IGNORECASE)
    found = []
    for path in sorted({path for pattern in PROSE for path in ROOT.glob(pattern)} - {GLOSSARY, Path(__file__)}):
        text, place = path.read_text(), path.relative_to(ROOT)
        for number, line in enumerate(text.splitlines(), 1):
            found += [
                f"{place}:{number}: {match[0]} (say {words[match[1].lower()]})" for match in written.finditer(line)
            ]
        if path.suffix == ".py":
            used = set(identifiers(ast.parse(text)))
            found += [f"{place}:{line}: {name} (say {names[name]})" for line, name in sorted(used) if name in names]
    for path, tree in sources():
        found += [f"{path}:{line}: {text[:40]}" for line, text in docstrings(tree) if OPENINGS.match(text)]
    return Figure("banned words", len(found), 0, found)


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Return every name that a module defines or uses, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield line, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield line, name.lstrip("_")
            case _:
                pass


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Return every docstring with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def undescribed() -> Figure:
    """Count the properties and parameters of the document that have no description, nor one where they refer to."""
    document = json.loads((ROOT / "openapi" / "openapi.json").read_bytes())
    schemas = document["components"]["schemas"]

    def resolved(parameter: dict[str, Any]) -> dict[str, Any]:
        name = parameter.get("$ref", "").rpartition("/")[2]
        return dict(document["components"]["parameters"][name] if name else parameter)

    found = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, part in schema.get("properties", {}).items()
        if not (part.get("description") or schemas.get(part.get("$ref", "").rpartition("/")[2], {}).get("description"))
    ]
    found += [
        f"{operation['operationId']}: {parameter['name']}"
        for item in document["paths"].values()
        for operation in item.values()
        for parameter in map(resolved, operation.get("parameters", ()))
        if not (parameter.get("description") or parameter["schema"].get("description"))
    ]
    return Figure("properties and parameters without a description", len(found), 0, found)


class Passed(NamedTuple):
    """The functions of the service that one request passed, each once, and how often its query was decoded."""

    functions: list[str]
    decodes: int


async def traced() -> dict[str, Passed]:
    """Record the London set, ask each question twice to warm up, and trace it the third time, with nothing kept."""
    logs.configure("CRITICAL", "console")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/parley.db"
        migrate(url)
        app = create_app(Settings(database_url=url))
        transport = httpx.ASGITransport(cast("Any", app))
        async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://parley") as client:
            events = [json.loads(line) for line in (ROOT / "seeds" / "london.ndjson").read_bytes().splitlines()]
            await client.post("/v1/events", json={"events": events})
            found = {}
            for name, (path, _) in READS.items():
                await client.get(path)
                app.state.services.answers._kept.clear()  # noqa: SLF001 - so that it is answered, not remembered
                found[name] = await trace(client.get(path))
            fact = events[3] | {"id": "0197a2f0-3c50-7a10-8f00-0000000000aa", "occurred": "2025-04-04"}
            found["a write"] = await trace(client.post("/v1/events", json={"events": [fact]}))
            return found


def by_the_clock() -> bool:
    """Return whether this is work of a task that looks at something now and then, whoever asks."""
    task = asyncio.current_task()
    return task is not None and task.get_name() == "watch"


async def trace(request: Any) -> Passed:  # noqa: ANN401 - an awaitable
    """Await a request, noting every function of the service that is called."""
    calls: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        is_ours = f"{ROOT}/service/" in code.co_filename and "<" not in code.co_name
        if event == "call" and is_ours and not by_the_clock():
            calls.append((code.co_filename, code.co_qualname))

    sys.setprofile(note)
    try:
        response = await request
    finally:
        sys.setprofile(None)
    assert response.is_success, response.text
    functions = [f"{Path(file).relative_to(ROOT)}: {name}" for file, name in dict.fromkeys(calls)]
    return Passed(functions, sum(name == "read" and file.endswith("query_strings.py") for file, name in calls))


def passed() -> Iterator[Figure]:
    """Count what a read and a write pass."""
    found = asyncio.run(traced())
    for name, most in (*((name, most) for name, (_, most) in READS.items()), ("a write", 300)):
        yield Figure(f"functions on {name}", len(found[name].functions), most, found[name].functions)
    yield Figure("decodes of a query on a read", max(found[name].decodes for name in READS), 1, [])


def figures() -> Iterable[Figure]:
    """Return every figure."""
    yield classes_of_one_name()
    yield pages()
    yield long_modules()
    yield unimported()
    yield banned_words()
    yield undescribed()
    yield from passed()


def main() -> int:
    """Print the figures; return 1 when one is over its bound. `--all` lists what is counted."""
    over = 0
    for figure in figures():
        over += figure.size > figure.most
        mark = "  <-- too many" if figure.size > figure.most else ""
        print(f"{figure.name:45} {figure.size:6}   at most {figure.most}{mark}")
        if mark or "--all" in sys.argv:
            shown = figure.where if "--all" in sys.argv else figure.where[:10]
            print("".join(f"    {each}\n" for each in shown), end="")
    return 1 if over else 0


if __name__ == "__main__":
    raise SystemExit(main())
