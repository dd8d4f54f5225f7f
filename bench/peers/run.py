"""Times whole tasks of interpretability, ours beside the peers', in alternation.

    python run.py [--quick] [--models NAMES] [--tools NAMES] [--rounds N] [--threads N] [--write-docs]

Each tool runs in a process of its own. Before anything is timed, each tool's logits, edit, greedy tokens and token ids
are compared with ours. Then the rounds go A B C ... A B C ...: with a small model task by task, all processes alive;
with a large one all tasks of a tool at once, in a fresh process each round, since they do not fit the memory together.
Runs that warm up are not counted. Results: build/peers/results.json, and tables on the standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import checkpoints
import report
from agreement import agreement
from process import Failure, Worker
from tasks import QUICK, TOOLS, WEIGHTS, Tool, checks, tasks, write_text

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
THERE = ROOT / "build" / "peers"
LONG_MS = 500  # a run this long is its own warm-up, and once a round is enough
BUSY = 1.5  # load average above which numbers are not worth keeping


def say(text: str) -> None:
    print(f"tasks: {text}", file=sys.stderr, flush=True)


def available_memory() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable"))


def busy_seconds() -> float:
    """Processor time that anybody spent since the machine started."""
    user, nice, system, _idle, _wait, irq, soft_irq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + soft_irq) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


class Bench:
    """One model: its tools, its tasks, and what was measured."""

    def __init__(self, name: str, tools: list[Tool], options: argparse.Namespace) -> None:
        self.options = options
        self.folder = checkpoints.make(name, THERE / "models")
        config = json.loads((self.folder / "hf/config.json").read_text())
        has_tokenizer = (self.folder / "hf/tokenizer.json").exists()
        text = THERE / "text.txt"
        write_text(ROOT, text)
        self.tasks = tasks(config, has_tokenizer, text)
        if options.quick:
            self.tasks = [task for task in self.tasks if task["name"] in QUICK]
        self.checks = checks(config, has_tokenizer, text)
        if options.quick:
            self.checks = [task for task in self.checks if task["name"] != "decode"]
        memory = available_memory()
        self.tools = []
        self.result: dict[str, Any] = {"model": name, "d_vocab": config["vocab_size"], "tools": {}, "notes": []}
        for tool in tools:
            need = tool.memory * WEIGHTS[name] + 2e9
            if need > memory:
                self.note(tool, "", f"skipped: needs {need / 1e9:.0f} GB of memory, {memory / 1e9:.0f} GB are free")
            else:
                self.tools.append(tool)
        needs = sum(tool.memory * WEIGHTS[name] + 1.5e9 for tool in self.tools)
        self.all_at_once = needs < memory
        self.unable: set[tuple[str, str]] = set()

    def note(self, tool: Tool, task: str, text: str) -> None:
        say(f"{tool.title}{': ' if task else ''}{task}: {text}")
        self.result["notes"].append({"tool": tool.name, "task": task, "text": text})

    def start(self, tool: Tool) -> Worker | None:
        """A process with the model loaded, or none, and a note why."""
        worker = Worker(tool, HERE, THERE, self.options.threads, self.options.limit)
        try:
            info = worker.ask({"op": "info"})
            self.load(worker)
        except Failure as failure:
            self.note(tool, "load", str(failure))
            worker.stop()
            return None
        self.result["tools"].setdefault(tool.name, {"info": info, "tasks": {}, "rss": worker.memory("VmRSS")})
        return worker

    def load(self, worker: Worker) -> float:
        path = str(self.folder / worker.tool.weights)
        return worker.ask({"op": "load", "path": path, "threads": self.options.threads})["ms"][0]

    def record(self, worker: Worker, name: str, times: list[float]) -> None:
        entry = self.result["tools"][worker.tool.name]["tasks"].setdefault(name, {"ms": [], "peak": 0})
        entry["ms"] += times
        entry["peak"] = max(entry["peak"], worker.memory("VmHWM"))

    def measure(self, worker: Worker, task: dict[str, Any]) -> None:
        """One turn of one tool at one task."""
        name = task["name"]
        if (worker.tool.name, name) in self.unable:
            return
        worker.reset_peak()
        try:
            if name == "load":
                self.record(worker, name, [self.load(worker)])
                return
            known = self.result["tools"][worker.tool.name]["tasks"].get(name)
            request = {"op": "run", "task": task, "warm": 0, "repeat": 1}
            if known is None or not self.all_at_once:  # the first run in a process is never counted
                reply = worker.ask(request)
                if "unsupported" in reply:
                    self.unable.add((worker.tool.name, name))
                    self.note(worker.tool, name, reply["unsupported"])
                    return
                typical = reply["ms"][0]
            else:
                typical = known["ms"][-1]
            if typical < LONG_MS:
                request |= {"warm": 1, "repeat": self.options.repeat}
            self.record(worker, name, worker.ask(request)["ms"])
        except Failure as failure:
            self.unable.add((worker.tool.name, name))
            self.note(worker.tool, name, str(failure))

    def check(self, worker: Worker) -> None:
        """Writes the results of the checks; ours is the first, and the others are held to it."""
        folder = THERE / "checks" / self.result["model"]
        folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, Any] = {}
        for old in folder.glob(f"{worker.tool.name}.*"):
            old.unlink()
        for task in self.checks:
            path = folder / f"{worker.tool.name}.{task['name']}"
            try:
                reply = worker.ask({"op": "run", "task": task, "warm": 0, "repeat": 1, "out": str(path)})
                if "ms" not in reply and task["name"] == "logits":
                    raise Failure(reply["unsupported"])
            except Failure as failure:
                self.note(worker.tool, f"check of {task['name']}", str(failure))
        ours = folder / "cutaway.logits"
        if worker.tool.name != "cutaway" and ours.exists():
            found = agreement(folder, worker.tool.name)
        self.result["tools"][worker.tool.name]["agreement"] = found

    def run(self) -> dict[str, Any]:
        every = [{"name": "load"}, *self.tasks]
        if self.all_at_once:
            workers = [worker for tool in self.tools if (worker := self.start(tool))]
            for worker in workers:
                self.check(worker)
            for task in every:
                say(f"{self.result['model']}: {task['name']}")
                for _ in range(self.options.rounds):
                    for worker in workers:
                        self.measure(worker, task)
            for worker in workers:
                worker.stop()
            return self.result
        checked = set()
        for number in range(self.options.rounds):
            for tool in self.tools:
                say(f"{self.result['model']}: round {number + 1}, {tool.title}")
                worker = self.start(tool)
                if worker is None:
                    continue
                if tool.name not in checked:
                    checked.add(tool.name)
                    self.check(worker)
                for task in every:
                    self.measure(worker, task)
                worker.stop()
        return self.result


def machine(options: argparse.Namespace) -> dict[str, Any]:
    info = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": options.threads, "rounds": options.rounds,
            "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d", time.gmtime())}  # fmt: skip


def names(text: str, known: list[str], what: str) -> list[str]:
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SystemExit(f"tasks: {what} '{unknown[0]}': expected {', '.join(known)}")
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.sh tasks", description=__doc__.splitlines()[0])
    tool_names = [tool.name for tool in TOOLS]
    parser.add_argument("--quick", action="store_true", help="SmolLM2, a few tasks, one round: does it work?")
    parser.add_argument("--models", default=",".join(checkpoints.NAMES), help="default: %(default)s")
    parser.add_argument("--tools", default=",".join(tool_names), help="default: all that are installed")
    parser.add_argument("--rounds", type=int, help="default: 5, with --quick 1")
    parser.add_argument("--repeat", type=int, default=3, help="runs a round of a task below half a second")
    parser.add_argument("--threads", type=int, default=2, help="of every tool (default 2)")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one answer may take")
    parser.add_argument("--write-docs", action="store_true", help="write the tables into docs/performance.md")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    if min(options.rounds, options.repeat, options.threads) < 1:
        raise SystemExit("tasks: --rounds, --repeat and --threads: expected 1 or more")
    wanted = ["smollm2"] if options.quick else names(options.models, list(checkpoints.NAMES), "--models")
    chosen = names(options.tools, tool_names, "--tools")
    missing = [tool for tool in TOOLS if tool.name in chosen and not tool.is_installed(HERE, THERE)]
    for tool in missing:
        say(f"{tool.title} is not installed: left out (bench/peers/setup.sh says why)")
    tools = [tool for tool in TOOLS if tool.name in chosen and tool not in missing]

    results: dict[str, Any] = {"machine": machine(options), "models": []}
    begin, busy, own = time.monotonic(), busy_seconds(), own_seconds()
    for name in wanted:
        try:
            results["models"].append(Bench(name, tools, options).run())
        except OSError as error:
            say(f"skipping {name}: {error}")
            results.setdefault("skipped", []).append(f"{name}: {error}")
    wall = time.monotonic() - begin
    foreign = (busy_seconds() - busy - (own_seconds() - own)) / max(wall, 1)
    results["machine"] |= {"foreign_cores": round(foreign, 2), "seconds": round(wall)}
    (THERE / "results.json").write_text(json.dumps(results, indent=1))
    print(report.markdown(results))
    say("results: build/peers/results.json")
    if options.write_docs:
        before = results["machine"]["load_before"]
        if before >= BUSY or foreign >= 0.15:
            raise SystemExit(
                f"tasks: docs/performance.md not written: load average {before:.2f} before (expected below {BUSY}), "
                f"other programs used {foreign:.2f} cores meanwhile (expected below 0.15)"
            )
        report.write(results, ROOT / "docs")


if __name__ == "__main__":
    main()
