"""How far a tool's numbers are from ours, from the files that the checks left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def agreement(folder: Path, tool: str) -> dict[str, Any]:
    """`logits`, `edit`: the largest difference; `decode`: how many greedy tokens are the same before the first that
    differs, of how many; `ids`: whether the token ids are the same."""
    found: dict[str, Any] = {}
    for name in ("logits", "edit"):
        pair = _pair(folder, tool, name, "<f4")
        if pair:
            ours, theirs = pair
            if ours.size != theirs.size:
                found[name] = f"{theirs.size} numbers, expected {ours.size}"
            else:
                found[name] = float(np.abs(ours - theirs).max())
    if pair := _pair(folder, tool, "decode", "<u4"):
        ours, theirs = pair
        count = min(ours.size, theirs.size)
        differ = np.flatnonzero(ours[:count] != theirs[:count])
        found["decode"] = [int(differ[0]) if differ.size else count, int(ours.size)]
    if pair := _pair(folder, tool, "ids", "<u4"):
        found["ids"] = bool(np.array_equal(*pair))
    return found


def _pair(folder: Path, tool: str, name: str, dtype: str) -> tuple[np.ndarray, np.ndarray] | None:
    paths = [folder / f"cutaway.{name}", folder / f"{tool}.{name}"]
    if not all(path.exists() for path in paths):
        return None
    ours, theirs = (np.fromfile(path, dtype) for path in paths)
    return ours, theirs
