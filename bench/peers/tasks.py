"""What is measured: the tools and the tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Tool:
    name: str
    title: str
    weights: str = "hf"
    """The part of a checkpoint's folder that it loads."""
    memory: float = 4.6
    """Bytes of memory a weight, at most while it loads."""
    is_other_product: bool = False
    """It rounds activations: shown apart, and not compared."""

    def command(self, here: Path, there: Path) -> list[str]:
        if self.name == "candle_mi":
            return [str(there / "candle_mi/release/cutaway-peer-candle-mi")]
        module = self.name.removesuffix("_f32").removesuffix("_bf16")
        environment = {"hf": "torch"}.get(module, module)
        return [str(there / environment / "bin/python"), str(here / "worker.py"), module]

    def is_installed(self, here: Path, there: Path) -> bool:
        program = Path(self.command(here, there)[0])
        return program.exists() and (self.name == "candle_mi" or (program.parents[1] / ".made-from").exists())


TOOLS = (
    Tool("cutaway", "cutaway", memory=2.3),
    Tool("hf", "transformers"),
    Tool("transformer_lens", "TransformerLens"),
    Tool("nnsight", "nnsight"),
    Tool("candle_mi", "candle-mi", memory=8.5),
    Tool("llama_cpp_f32", "llama.cpp f32", weights="f32.gguf"),
    Tool("llama_cpp_bf16", "llama.cpp bf16", weights="bf16.gguf", memory=2.6, is_other_product=True),
)

# Weights of each checkpoint, for the estimate of memory.
WEIGHTS = {"smollm2": 1.35e8, "llama-1b": 1.24e9, "gemma-2b": 2.62e9}
TITLES = {
    "smollm2": "SmolLM2-135M",
    "llama-1b": "Random weights in the shapes of Llama-3.2-1B",
    "gemma-2b": "Random weights in the shapes of Gemma-2-2B",
}


def tokens(count: int, d_vocab: int) -> list[int]:
    """Ids far apart, without special ones; the arithmetic does not look at them."""
    return [100 + (i * 7919) % (d_vocab - 200) for i in range(count)]


def tasks(config: dict[str, Any], has_tokenizer: bool, text: Path) -> list[dict[str, Any]]:
    """Each has a `name` for the table, the `kind` of the tool's method, and its arguments."""
    d_vocab = config["vocab_size"]
    zeroed = {"layer": config["num_hidden_layers"] // 2, "head": 1}

    def task(name: str, kind: str, length: int, **arguments: Any) -> dict[str, Any]:
        return {"name": name, "kind": kind, "tokens": tokens(length, d_vocab), **arguments}

    out = []
    for length in (8, 64, 512, 2048):
        for rows in ("last", "all"):
            # Every logit of 2048 positions is 2 GB for the largest vocabulary, held twice by some tools.
            if rows == "last" or length * d_vocab * 4 < 1e9:
                out.append(task(f"forward of {length}, {rows} logits", "forward", length, rows=rows))
    out += [
        task("64 tokens, every layer's residual captured", "capture", 64, what="residuals"),
        task("64 tokens, everything captured", "capture", 64, what="everything"),
        task("logit lens of 32 tokens, last position", "lens", 32, rows="last"),
        task("logit lens of 32 tokens, every position", "lens", 32, rows="all"),
        task("64 tokens, one head zeroed", "edit", 64, **zeroed),
        task("greedy decode of 64 tokens", "decode", 8, count=64, edit=None),
        task("greedy decode of 64 tokens, one head zeroed", "decode", 8, count=64, edit=zeroed),
    ]
    if has_tokenizer:
        out.append({"name": "tokenise 1 MB", "kind": "tokenise", "text": str(text)})
    return out


# About a minute in all, on SmolLM2: to see that everything works.
QUICK = (
    "forward of 8, last logits",
    "forward of 64, all logits",
    "64 tokens, every layer's residual captured",
    "logit lens of 32 tokens, last position",
    "64 tokens, one head zeroed",
    "tokenise 1 MB",
)


def checks(config: dict[str, Any], has_tokenizer: bool, text: Path) -> list[dict[str, Any]]:
    """What every tool must agree on before it is timed."""
    every = {task["name"]: task for task in tasks(config, has_tokenizer, text)}
    wanted = {
        "logits": "forward of 64, all logits",
        "edit": "64 tokens, one head zeroed",
        "decode": "greedy decode of 64 tokens",
        "ids": "tokenise 1 MB",
    }
    return [every[name] | {"name": key} for key, name in wanted.items() if name in every]


def write_text(root: Path, path: Path) -> None:
    """1 MB of this project's own sources and documents: code and prose, with some repetition."""
    if path.exists():
        return
    parts = []
    for folder in ("docs", "include", "src", "apps", "python", "tests"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in (".md", ".h", ".cc", ".py", ".json") and "fixtures" not in file.parts:
                parts.append(file.read_bytes().decode("utf-8", "ignore"))
    whole = "".join(parts).encode()
    while len(whole) < 1_000_000:
        whole += whole
    path.write_bytes(whole[:1_000_000].decode("utf-8", "ignore").encode())
