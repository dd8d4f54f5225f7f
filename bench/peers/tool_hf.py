"""Hugging Face transformers, with forward hooks where it has no output of its own."""

from __future__ import annotations

import torch
import transformers
from torch_common import as_batch, load_model, load_tokenizer, read_text, set_threads, without_head


class Tool:
    model = None
    tokenizer = None

    def info(self):
        return {"version": f"{transformers.__version__}, torch {torch.__version__}"}

    def unload(self):
        self.model = self.tokenizer = None

    def load(self, path, threads):
        set_threads(threads)
        self.tokenizer = load_tokenizer(path)
        self.model = load_model(path)

    @torch.inference_mode()
    def forward(self, tokens, rows):
        keep = 1 if rows == "last" else 0
        return self.model(as_batch(tokens), use_cache=False, logits_to_keep=keep).logits[0]

    @torch.inference_mode()
    def capture(self, tokens, what):
        if what == "residuals":
            return self._hidden(tokens)
        # Every module's output, and the attention patterns.
        kept = {}
        handles = [
            module.register_forward_hook(lambda _, __, out, name=name: kept.update({name: out}))
            for name, module in self.model.named_modules()
        ]
        try:
            self.model(as_batch(tokens), use_cache=False, output_attentions=True, logits_to_keep=1)
        finally:
            for handle in handles:
                handle.remove()
        return kept

    def _hidden(self, tokens):
        return self.model(
            as_batch(tokens), use_cache=False, output_hidden_states=True, logits_to_keep=1
        ).hidden_states

    @torch.inference_mode()
    def lens(self, tokens, rows):
        *layers, last = self._hidden(tokens)[1:]  # the last one is normed already
        at = slice(-1, None) if rows == "last" else slice(None)
        top = [self._top(self.model.model.norm(hidden[0, at])) for hidden in layers]
        return torch.stack([*top, self._top(last[0, at])])

    def _top(self, normed):
        logits = self.model.lm_head(normed)
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        if cap:
            logits = torch.tanh(logits / cap) * cap
        return logits.topk(5).values

    def _zeroing(self, layer, head):
        attention = self.model.model.layers[layer].self_attn
        return attention.o_proj.register_forward_pre_hook(
            lambda _, args: (without_head(args[0], head, attention.head_dim),)
        )

    @torch.inference_mode()
    def edit(self, tokens, layer, head):
        handle = self._zeroing(layer, head)
        try:
            return self.forward(tokens, "last")
        finally:
            handle.remove()

    @torch.inference_mode()
    def decode(self, tokens, count, edit):
        handle = self._zeroing(**edit) if edit else None
        try:
            ids = self.model.generate(
                as_batch(tokens),
                attention_mask=torch.ones(1, len(tokens), dtype=torch.long),
                do_sample=False,
                max_new_tokens=count,
                eos_token_id=-1,  # no token: all tools make the same number
                pad_token_id=0,
            )
        finally:
            if handle:
                handle.remove()
        return ids[0, len(tokens) :]

    def tokenise(self, text):
        return self.tokenizer(read_text(text), add_special_tokens=False, verbose=False)["input_ids"]
