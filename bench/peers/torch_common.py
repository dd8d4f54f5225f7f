"""What the tools on top of PyTorch share: threads, the tokenizer, the checkpoint in f32."""

from __future__ import annotations

import contextlib
import os

import torch
import transformers


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    with contextlib.suppress(RuntimeError):  # may be set once only, before any work
        torch.set_num_interop_threads(1)


def load_tokenizer(path: str):
    """The checkpoint's tokenizer; None for the random checkpoints, which have none."""
    if not os.path.exists(os.path.join(path, "tokenizer.json")):
        return None
    return transformers.AutoTokenizer.from_pretrained(path)


def load_model(path: str):
    """f32 arithmetic and the attention that shows its pattern, as interpretability needs it."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval()


def as_batch(tokens: list[int]) -> torch.Tensor:
    return torch.tensor([tokens])


def without_head(value: torch.Tensor, head: int, d_head: int) -> torch.Tensor:
    """A copy of the input of the output projection, [..., n_heads * d_head], with one head zeroed."""
    value = value.clone()
    value[..., head * d_head : (head + 1) * d_head] = 0
    return value


def read_text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
