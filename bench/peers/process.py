"""A worker process: starts it, asks it, watches its memory and its time."""

from __future__ import annotations

import json
import os
import select
import subprocess
from pathlib import Path
from typing import Any

from tasks import Tool


class Failure(Exception):
    """The worker died, hung, or said that it failed."""


class Worker:
    def __init__(self, tool: Tool, here: Path, there: Path, threads: int, limit_s: float) -> None:
        self.tool = tool
        self._limit_s = limit_s
        counts = ("OMP", "MKL", "OPENBLAS", "RAYON")
        environment = os.environ | {f"{name}_NUM_THREADS": str(threads) for name in counts}
        environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
        environment["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
        (there / "logs").mkdir(exist_ok=True)
        self._log = open(there / "logs" / f"{tool.name}.log", "w")  # noqa: SIM115 (closed by stop)
        self._process = subprocess.Popen(
            tool.command(here, there), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, env=environment,
        )  # fmt: skip

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises Failure if there is none, or it is an error."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], self._limit_s)
        except BrokenPipeError:
            ready = [self._process.stdout]
        if not ready:
            self._process.kill()
            raise Failure(f"no answer within {self._limit_s:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise Failure(f"the process ended (see {self._log.name})")
        reply = json.loads(line)
        if "error" in reply:
            raise Failure(reply["error"])
        return reply

    def reset_peak(self) -> None:
        """Forgets the peak of memory so far (Linux)."""
        try:
            Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")
        except OSError:
            pass  # the peak is then that of the whole process

    def memory(self, key: str) -> int:
        """Bytes: `VmRSS` now, or `VmHWM` at most. 0 where the system does not say."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        lines = [line for line in status.splitlines() if line.startswith(key + ":")]
        return int(lines[0].split()[1]) * 1024 if lines else 0

    def stop(self) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.close()
            self._process.wait(30)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._log.close()
