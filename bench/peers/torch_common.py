"""What the tools on top of PyTorch share: threads, the tokenizer, the checkpoint in f32."""

from __future__ import annotations

import contextlib
import os
import tempfile

import tokenizers
import torch
import transformers


_standin_folder = tempfile.TemporaryDirectory()


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    with contextlib.suppress(RuntimeError):  # may be set once only, before any work
        torch.set_num_interop_threads(1)


def load_tokenizer(path: str):
    """The checkpoint's tokenizer; a stand-in for the random checkpoints, since some tools insist on having one."""
    if not os.path.exists(os.path.join(path, "tokenizer.json")):
        words = tokenizers.models.WordLevel({"<s>": 0}, unk_token="<s>")
        names = dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), "<s>")
        standin = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(words), **names)
        # From files, since TransformerLens asks where a tokenizer came from and reads it again.
        path = _standin_folder.name
        standin.save_pretrained(path)
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
