"""One tool in a process of its own: reads requests, one JSON object a line, and answers each with one line.

    python worker.py TOOL        TOOL: a module tool_TOOL.py beside this file, with a class Tool

    {"op": "info"}                                       {"version": "..."} and what else the tool knows of itself
    {"op": "load", "path": P, "threads": N}              {"ms": [t]}: from the call to a model that can run
    {"op": "run", "task": T, "warm": W, "repeat": R}     {"ms": [t, ...]}: R times, after W that are not counted;
                                                         with "out": P the result also goes to P, for the checks
An answer may be {"unsupported": why}, where the tool has no such thing, or {"error": text}.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np


class Unsupported(Exception):
    """The tool has no such thing; the text says why, and goes below the table."""


def call(tool: Any, task: dict[str, Any]) -> Any:
    """Runs one task. Arrays of logits or ids come back for the checks; timing looks at nothing."""
    method = getattr(tool, task["kind"], None)
    if method is None:
        raise Unsupported(f"no {task['kind']}")
    return method(**{key: value for key, value in task.items() if key not in ("kind", "name")})


def save(result: Any, path: str) -> None:
    """Little-endian f32 for numbers, u32 for ids."""
    array = np.asarray(result)
    array.astype("<u4" if array.dtype.kind in "iu" else "<f4").tofile(path)


def answer(tool: Any, request: dict[str, Any]) -> dict[str, Any]:
    if request["op"] == "info":
        return tool.info()
    if request["op"] == "load":
        tool.unload()
        gc.collect()
        begin = time.perf_counter()
        tool.load(request["path"], request["threads"])
        return {"ms": [(time.perf_counter() - begin) * 1e3]}
    if request["op"] != "run":
        raise ValueError(f"op {request['op']!r}, expected info, load or run")
    times = []
    for i in range(request["warm"] + request["repeat"]):
        begin = time.perf_counter()
        result = call(tool, request["task"])
        elapsed = (time.perf_counter() - begin) * 1e3
        if request.get("out"):
            save(result, request["out"])
        del result
        if i >= request["warm"]:
            times.append(elapsed)
    return {"ms": times}


def main() -> None:
    # What libraries print must not mix with the answers.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    tool = importlib.import_module(f"tool_{sys.argv[1]}").Tool()
    for line in sys.stdin:
        try:
            reply = answer(tool, json.loads(line))
        except Unsupported as why:
            reply = {"unsupported": str(why)}
        except Exception as error:  # a peer that fails at one task still does the others
            reply = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    # The tools import Unsupported from here; it must be the same class as the one caught above.
    sys.modules["worker"] = sys.modules["__main__"]
    main()
