"""TransformerLens, through its TransformerBridge over the Hugging Face model."""

from __future__ import annotations

from importlib.metadata import version

import torch
from torch_common import as_batch, load_model, load_tokenizer, set_threads
from transformer_lens.model_bridge import TransformerBridge
from worker import Unsupported


class Tool:
    model = None

    def info(self):
        return {"version": f"{version('transformer-lens')}, torch {torch.__version__}"}

    def unload(self):
        self.model = None

    def load(self, path, threads):
        set_threads(threads)
        self.model = TransformerBridge.boot_transformers(
            path,
            hf_model=load_model(path),
            tokenizer=load_tokenizer(path),
            device="cpu",
            dtype=torch.float32,
        )

    @torch.inference_mode()
    def forward(self, tokens, rows):
        if rows == "last":
            raise Unsupported("always computes the logits of every position")
        return self.model(as_batch(tokens), return_type="logits", prepend_bos=False)[0]

    @torch.inference_mode()
    def capture(self, tokens, what):
        def wanted(name):
            return what == "everything" or name.endswith("hook_resid_post")

        return self.model.run_with_cache(as_batch(tokens), names_filter=wanted)[1]

    @torch.inference_mode()
    def lens(self, tokens, rows):
        _, cache = self.model.run_with_cache(
            as_batch(tokens), names_filter=lambda name: name.endswith("hook_resid_post")
        )
        at = slice(-1, None) if rows == "last" else slice(None)
        top = []
        for layer in range(self.model.cfg.n_layers):
            resid = cache[f"blocks.{layer}.hook_resid_post"][:, at]
            logits = self.model.unembed(self.model.ln_final(resid))
            top.append(logits[0].topk(5).values)
        return torch.stack(top)

    @staticmethod
    def _zeroing(layer, head):
        def zero(z, hook):
            z = z.clone()
            if z.ndim == 4:  # [batch, pos, head, d_head]
                z[:, :, head] = 0
            else:  # heads side by side
                d_head = z.shape[-1] // hook.n_heads
                z[..., head * d_head : (head + 1) * d_head] = 0
            return z

        return (f"blocks.{layer}.attn.hook_z", zero)

    @torch.inference_mode()
    def edit(self, tokens, layer, head):
        return self.model.run_with_hooks(
            as_batch(tokens), fwd_hooks=[self._zeroing(layer, head)], return_type="logits"
        )[0, -1:]

    @torch.inference_mode()
    def decode(self, tokens, count, edit):
        hooks = [self._zeroing(**edit)] if edit else []
        with self.model.hooks(fwd_hooks=hooks):
            ids = self.model.generate(
                as_batch(tokens),
                max_new_tokens=count,
                do_sample=False,
                stop_at_eos=False,
                prepend_bos=False,
                return_type="tokens",
                verbose=False,
            )
        return ids[0, len(tokens) :]

    def tokenise(self, text):
        raise Unsupported("its tokenizer is Hugging Face's")
