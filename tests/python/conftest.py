"""Models that the tests share, and a reader of expected values that uses numpy alone."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import cutaway as cw

MODELS = Path(__file__).resolve().parent.parent / "fixtures" / "models"


def model_path(name):
    gguf = MODELS / name / "model.gguf"
    return gguf if gguf.exists() else MODELS / name


def read_meta(name):
    return json.loads((MODELS / name / "meta.json").read_text())


def read_safetensors(path):
    """All arrays of a safetensors file (F32 and I64): an 8-byte length, a JSON header, the data."""
    data = Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    types = {"F32": "<f4", "I64": "<i8"}
    arrays = {}
    for name, info in header.items():
        begin, end = (8 + size + at for at in info["data_offsets"])
        arrays[name] = np.frombuffer(data[begin:end], types[info["dtype"]]).reshape(info["shape"])
    return arrays


def write_safetensors(path, arrays):
    header, blobs, at = {}, [], 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [at, at + len(blob)],
        }
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


@pytest.fixture(scope="session")
def model():
    """Llama with grouped queries, no tokenizer: 3 layers, 6 heads, 2 kv heads, d_model 30, 83 ids."""
    return cw.load(MODELS / "llama_gqa", threads=2)


@pytest.fixture(scope="session")
def ids():
    return read_meta("llama_gqa")["tokens"]


@pytest.fixture(scope="session")
def text_model():
    """A quantised GGUF with its tokenizer inside."""
    return cw.load(MODELS / "llama_gguf_q" / "model.gguf", threads=2)


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory):
    """A random Llama large enough that a long prompt keeps a core busy for seconds."""
    folder = tmp_path_factory.mktemp("slow")
    d, heads, d_head, d_mlp, vocab, layers = 256, 4, 64, 512, 64, 6
    config = {
        "model_type": "llama", "hidden_size": d, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": heads, "head_dim": d_head, "intermediate_size": d_mlp, "vocab_size": vocab,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    rng = np.random.default_rng(0)
    shapes = {"model.embed_tokens.weight": (vocab, d), "model.norm.weight": (d,)}
    for i in range(layers):
        block = f"model.layers.{i}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"{block}{norm}.weight"] = (d,)
        for name in ("q", "k", "v"):
            shapes[f"{block}self_attn.{name}_proj.weight"] = (heads * d_head, d)
        shapes[f"{block}self_attn.o_proj.weight"] = (d, heads * d_head)
        shapes[f"{block}mlp.gate_proj.weight"] = shapes[f"{block}mlp.up_proj.weight"] = (d_mlp, d)
        shapes[f"{block}mlp.down_proj.weight"] = (d, d_mlp)
    arrays = {name: 0.05 * rng.standard_normal(shape) for name, shape in shapes.items()}
    write_safetensors(folder / "model.safetensors", arrays)
    return cw.load(folder, threads=1)
