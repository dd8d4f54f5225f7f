"""What the package is: names, types, documentation, the command."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import MODELS

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
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module)
            for name in names:
                top = name.split(".")[0]
                assert top in allowed or top in sys.stdlib_module_names, f"{file.name}: {name}"


@pytest.mark.skipif(not hasattr(cw._core, "cli_main"), reason="built with CUTAWAY_CLI=OFF")
def test_the_package_holds_the_command_line_tool(model):
    def run(*arguments):
        command = [sys.executable, "-m", "cutaway", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert "lens" in run("--help").stdout
    shown = run("run", str(MODELS / "llama_gqa"), "--tokens", "1,2,3", "--top", "1", "--json")
    assert shown.returncode == 0, shown.stderr
    best = int(model.run([1, 2, 3]).logits[0, -1].argmax())
    assert f'"id": {best}' in shown.stdout or f'"id":{best}' in shown.stdout
    wrong = run("no-such-command")
    assert wrong.returncode == 2 and wrong.stderr.startswith("cutaway: error: ")
