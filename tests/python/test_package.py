"""What the package is: names, types, documentation."""

import ast
import inspect
from pathlib import Path

import pytest

import cutaway as cw

PACKAGE = Path(cw.__file__).parent


def test_the_version_is_the_headers():
    header = Path(__file__).resolve().parents[2] / "include" / "cutaway" / "version.h"
    assert f'"{cw.__version__}"' in header.read_text()


def test_everything_public_is_documented():
    undocumented = []
    for name in cw.__all__:
        value = getattr(cw, name)
        if name != "__version__" and not inspect.getdoc(value):
            undocumented.append(name)
        if inspect.isclass(value) and not issubclass(value, Exception):
            for member, thing in vars(value).items():
                if not member.startswith("_") and not inspect.getdoc(thing):
                    undocumented.append(f"{name}.{member}")
    assert undocumented == []


def test_the_stubs_are_there_and_parse():
    assert (PACKAGE / "py.typed").exists()
    stub = ast.parse((PACKAGE / "_core.pyi").read_text())
    names = {node.name for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert {"Model", "Tokenizer", "HookPoint", "Edit", "Config", "IoError", "logit_lens"} <= names


@pytest.mark.parametrize(
    "name", ["patch", "dla", "attribute", "heads", "Dictionary", "graph", "run_many"]
)
def test_what_does_not_exist_yet_is_absent(name):
    with pytest.raises(AttributeError):
        getattr(cw, name)
    assert not hasattr(cw.Model, name)


def test_numpy_is_the_only_import():
    allowed = {"numpy", "cutaway", "matplotlib"}
    import sys

    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module)
            for name in names:
                top = name.split(".")[0]
                assert top in allowed or top in sys.stdlib_module_names, f"{file.name}: {name}"
