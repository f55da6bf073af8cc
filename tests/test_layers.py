"""The order of the house: imports point downwards, and importing does no work."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pandiff

PACKAGE = Path(pandiff.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LAYERS = (  # from the top
    {"cli", "web", "__main__"},
    {"synthesis"},
    {"evaluation"},
    {"training"},
    {"pipeline"},
    {"prompts"},
    {"data"},
    {"codec"},
    {"diffusion"},
    {"models"},
    {
        "state",
        "context",
        "collectives",
        "building",
        "panoptic",
        "precision",
        "taxonomy",
        "coco",
        "draw",
        "errors",
        "rgb",
    },
)
HEAVY = ("torch", "diffusers", "transformers", "accelerate", "gradio", "scipy", "skimage")


def dotted_name(path: Path) -> str:
    """The module's name below pandiff: 'codec.bits'; '' for pandiff itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def depth(module: str) -> int:
    """How far down the module lies; 0 is the top."""
    part = module.split(".")[0]
    found = [k for k, layer in enumerate(LAYERS) if part in layer]
    assert found, f"pandiff.{module} has no place in the layers: add {part!r} to LAYERS"
    return found[0]


def imported_modules(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and name below pandiff of every module that the source imports, lazily or not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, is_package)
            names = [f"{base}.{a.name}" for a in node.names] if base == "pandiff" else [base]
        else:
            continue
        for name in names:
            if name.startswith("pandiff."):
                yield node.lineno, below_lazy(name.removeprefix("pandiff."))


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The absolute name of the module that an import statement reads from."""
    if not node.level:
        return node.module or ""
    parts = ["pandiff", *filter(None, module.split("."))]
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, *filter(None, [node.module])])


def below_lazy(name: str) -> str:
    """`from pandiff import PanopticMap` imports what the lazy table says."""
    home = pandiff._LAZY.get(name, f"pandiff.{name}")
    return home.removeprefix("pandiff.")


def upward_imports(source: str, module: str, is_package: bool) -> list[str]:
    """Every import that points up, as 'line N: lower imports upper'."""
    return [
        f"line {line}: {module} imports {target}, which lies above it"
        for line, target in imported_modules(source, module, is_package)
        if target != "__version__" and depth(target) < depth(module)
    ]


@pytest.mark.parametrize("path", [p for p in MODULES if dotted_name(p)], ids=dotted_name)
def test_imports_point_downwards(path: Path) -> None:
    source, is_package = path.read_text(encoding="utf-8"), path.name == "__init__.py"
    assert not upward_imports(source, dotted_name(path), is_package)


@pytest.mark.parametrize(
    "statement",
    [
        "import pandiff.codec.bits",
        "from pandiff.codec import PanopticCodec",
        "from pandiff import PanopticCodec",
        "from pandiff import codec",
        "from ..codec import bits",
        "def late():\n    from pandiff.codec import bits",
    ],
)
def test_an_upward_import_is_found(statement: str) -> None:
    assert len(upward_imports(statement, "models.uvit", is_package=False)) == 1
    assert not upward_imports(statement, "data.coco", is_package=False)


def run_python(code: str, *arguments: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import pandiff, sys",
        "import pandiff, sys; pandiff.PanopticMap; pandiff.InputError",
        "import sys\nfrom pandiff.cli import main\nsys.argv = ['pandiff', '--help']\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code",
    ],
    ids=["import", "panoptic", "help"],
)
def test_light_imports(code: str) -> None:
    printed = run_python(f"{code}\nprint('\\n', *sys.modules)")
    loaded = set(printed.splitlines()[-1].split())
    assert "pandiff" in loaded
    assert not loaded & set(HEAVY)


OPENED_AT_IMPORT = """
import importlib, sys
OURS = sys.argv[1]
CODE = (".py", ".pyc", ".so")

def on_event(event, arguments):
    if event != "open" or not isinstance(arguments[0], str) or arguments[0].endswith(CODE):
        return
    frame = sys._getframe(1)
    while frame and "site-packages" not in frame.f_code.co_filename:
        if frame.f_code.co_filename.startswith(OURS):
            print(f"{frame.f_code.co_filename}:{frame.f_lineno} opens {arguments[0]}")
            return
        frame = frame.f_back

sys.addaudithook(on_event)
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "gradio":  # of an optional extra
            raise
"""


def test_importing_opens_no_file() -> None:
    names = [f"pandiff.{n}" for n in map(dotted_name, MODULES) if n and n != "__main__"]
    assert run_python(OPENED_AT_IMPORT, str(PACKAGE), *names) == ""


def test_an_opened_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "eager.py").write_text("from pathlib import Path\nPath('x.txt').write_text('')\n")
    monkeypatch.chdir(tmp_path)
    assert "eager.py:2 opens" in run_python(OPENED_AT_IMPORT, str(tmp_path), "eager")
