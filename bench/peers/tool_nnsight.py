"""nnsight: traces around the Hugging Face model."""

from __future__ import annotations

from importlib.metadata import version

import torch
from nnsight import LanguageModel
from torch_common import as_batch, load_model, load_tokenizer, set_threads, without_head
from worker import Unsupported


class Tool:
    model = None

    def info(self):
        return {"version": f"{version('nnsight')}, torch {torch.__version__}"}

    def unload(self):
        self.model = None

    def load(self, path, threads):
        set_threads(threads)
        self.model = LanguageModel(load_model(path), tokenizer=load_tokenizer(path))

    @torch.inference_mode()
    def forward(self, tokens, rows):
        keep = 1 if rows == "last" else 0
        with self.model.trace(as_batch(tokens), use_cache=False, logits_to_keep=keep):
            logits = self.model.lm_head.output.save()
        return logits[0]

    @torch.inference_mode()
    def capture(self, tokens, what):
        layers = self.model.model.layers
        kept = []
        with self.model.trace(as_batch(tokens), use_cache=False, logits_to_keep=1):
            for layer in layers:
                if what == "everything":
                    kept.append(layer.input_layernorm.output.save())
                    kept.append(layer.self_attn.q_proj.output.save())
                    kept.append(layer.self_attn.k_proj.output.save())
                    kept.append(layer.self_attn.v_proj.output.save())
                    kept.append(layer.self_attn.o_proj.input.save())
                    kept.append(layer.self_attn.output.save())
                    kept.append(layer.mlp.gate_proj.output.save())
                    kept.append(layer.mlp.up_proj.output.save())
                    kept.append(layer.mlp.down_proj.input.save())
                    kept.append(layer.mlp.output.save())
                kept.append(layer.output.save())
        return kept

    @torch.inference_mode()
    def lens(self, tokens, rows):
        at = slice(-1, None) if rows == "last" else slice(None)
        top = []
        with self.model.trace(as_batch(tokens), use_cache=False, logits_to_keep=1):
            for layer in self.model.model.layers:
                out = layer.output
                resid = out[0] if isinstance(out, tuple) else out
                logits = self.model.lm_head(self.model.model.norm(resid[:, at]))
                top.append(logits[0].topk(5).values.save())
        return torch.stack(top)

    @torch.inference_mode()
    def edit(self, tokens, layer, head):
        attention = self.model.model.layers[layer].self_attn
        d_head = attention.head_dim
        with self.model.trace(as_batch(tokens), use_cache=False, logits_to_keep=1):
            attention.o_proj.input = without_head(attention.o_proj.input, head, d_head)
            logits = self.model.lm_head.output.save()
        return logits[0]

    @torch.inference_mode()
    def decode(self, tokens, count, edit):
        options = {"max_new_tokens": count, "do_sample": False, "eos_token_id": -1, "pad_token_id": 0}
        if edit is None:
            with self.model.generate(as_batch(tokens), **options):
                ids = self.model.generator.output.save()
            return ids[0, len(tokens) :]
        attention = self.model.model.layers[edit["layer"]].self_attn
        head = edit["head"]
        d_head = attention.head_dim
        with self.model.generate(as_batch(tokens), **options) as tracer:
            # Without an end, nothing after the loop would run.
            with tracer.iter[:count]:
                attention.o_proj.input = without_head(attention.o_proj.input, head, d_head)
            ids = tracer.result.save()
        return ids[0, len(tokens) :]

    def tokenise(self, text):
        raise Unsupported("its tokenizer is Hugging Face's")
