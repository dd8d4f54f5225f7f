"""The command line tool as a user calls it: a process, its two streams and its exit status.

CUTAWAY_BIN (or CUTAWAY_BINARY) names the program; without it, the one in build/.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from tiny_tokenizer import tokenizer_json

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "fixtures" / "models"


def find_program():
    for name in ("CUTAWAY_BIN", "CUTAWAY_BINARY"):
        if os.environ.get(name):
            return Path(os.environ[name]).resolve()
    built = sorted(ROOT.glob("build/*/apps/cutaway/cutaway"), key=lambda p: p.stat().st_mtime)
    if not built:
        pytest.exit("no cutaway program: build it, or set CUTAWAY_BIN", returncode=2)
    return built[-1]


class Result:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()

    @property
    def json(self):
        assert self.code == 0, self.err
        return checked(self.out)


def checked(text):
    """The document, after validation against the schema of its command."""

    def refuse(name):
        raise ValueError(f"{name} in JSON")

    document = json.loads(text, parse_constant=refuse)
    command = document["schema"].split("/")[1]
    schema = json.loads((ROOT / "docs" / "formats" / f"{command}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


@pytest.fixture(scope="session")
def program():
    return find_program()


@pytest.fixture
def environment(tmp_path):
    """Nothing of the tester's own models, caches or colours."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {k: os.environ[k] for k in ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS") if k in os.environ}
    return {**kept, "HOME": str(home), "TERM": "xterm-256color"}


@pytest.fixture
def cutaway(program, environment, tmp_path):
    """cutaway("lens", MODEL, "--pos", -1, stdin=b"...", env={...}, cwd=...) -> Result"""

    def run(*words, stdin=b"", env=None, cwd=None, at=None):
        process = subprocess.run(
            [str(at or program), *map(str, words)],
            input=stdin,
            capture_output=True,
            env={**environment, **(env or {})},
            cwd=cwd or tmp_path,
            timeout=120,
        )
        return Result(process)

    return run


@pytest.fixture
def fails(cutaway):
    """The one error line of a call that must fail, without its prefix."""

    def run(status, *words, **options):
        result = cutaway(*words, **options)
        assert result.code == status, (result.code, result.out, result.err)
        assert result.out == ""
        lines = result.err.splitlines()
        assert len(lines) == 1, result.err
        assert lines[0].startswith("cutaway: error: ")
        return lines[0].removeprefix("cutaway: error: ")

    return run


def with_tokenizer(name, folder):
    """A copy of a fixture that can read text."""
    target = folder / name
    shutil.copytree(MODELS / name, target)
    d_vocab = json.loads((target / "config.json").read_text())["vocab_size"]
    (target / "tokenizer.json").write_text(json.dumps(tokenizer_json(d_vocab)))
    return target


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return with_tokenizer("llama_gqa", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def bare_llama():
    """Without a tokenizer."""
    return MODELS / "llama_gqa"


@pytest.fixture(scope="session")
def fixture_gguf():
    return MODELS / "llama_gguf_f32" / "model.gguf"
