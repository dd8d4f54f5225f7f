"""This project, through its Python package."""

from __future__ import annotations

import cutaway as cw


class Tool:
    model: cw.Model | None = None

    def info(self):
        return {"version": cw.__version__, "simd": cw.simd_target()}

    def unload(self):
        self.model = None

    def load(self, path, threads):
        self.model = cw.load(path, threads=threads)

    def forward(self, tokens, rows):
        return self.model.run(tokens, logits=rows).logits[0]

    def capture(self, tokens, what):
        names = "blocks.*.hook_resid_post" if what == "residuals" else "*"
        return self.model.run(tokens, capture=names, logits="last")

    def lens(self, tokens, rows):
        return cw.lens(self.model, tokens, pos=-1 if rows == "last" else None).top_logits

    def edit(self, tokens, layer, head):
        return self.model.run(tokens, edit=self._zeroed(layer, head), logits="last").logits[0]

    def decode(self, tokens, count, edit):
        edits = [self._zeroed(**edit)] if edit else []
        ids = self.model.generate(tokens, count, edit=edits, stop_at_eos=False, return_ids=True)
        return ids.reshape(-1)[len(tokens) :]

    def tokenise(self, text):
        with open(text, encoding="utf-8") as file:
            return self.model.tokenizer.encode(file.read(), False)

    @staticmethod
    def _zeroed(layer, head):
        return cw.zero(f"blocks.{layer}.attn.hook_z", head=head)
