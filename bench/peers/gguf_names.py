"""GGUF's names and layouts beside Hugging Face's, for the two architectures of the benchmark."""

from __future__ import annotations

from typing import Any

import numpy as np

_BLOCK = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
# The norm after the attention stands before the MLP in Llama, and on the attention's output in Gemma 2.
_AFTER_ATTENTION = {"llama": "ffn_norm", "gemma2": "post_attention_norm"}
_OUTSIDE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}


def gguf_name(name: str, arch: str) -> str:
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    _, _, layer, rest = name.split(".", 3)
    part = rest.removesuffix(".weight")
    return f"blk.{layer}.{(_BLOCK | {'post_attention_layernorm': _AFTER_ATTENTION[arch]})[part]}.weight"


def _rotated_heads(name: str, config: dict[str, Any]) -> int:
    """Heads whose rows llama.cpp interleaves for its rotation; 0 where it keeps the order."""
    if config["model_type"] != "llama":
        return 0
    if name.endswith("q_proj.weight"):
        return config["num_attention_heads"]
    return config["num_key_value_heads"] if name.endswith("k_proj.weight") else 0


def to_gguf_layout(name: str, values: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    heads = _rotated_heads(name, config)
    if not heads:
        return values
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, -1)
    return halves.swapaxes(1, 2).reshape(values.shape)


def to_hf_layout(name: str, values: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    heads = _rotated_heads(name, config)
    if not heads:
        return values
    pairs = values.reshape(heads, values.shape[0] // heads // 2, 2, -1)
    return pairs.swapaxes(1, 2).reshape(values.shape)
