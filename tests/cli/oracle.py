"""The logit lens in numpy, from the residual streams that Hugging Face gave (golden.safetensors)."""

import json

import numpy as np

DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4"}


def read_safetensors(path):
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    header.pop("__metadata__", None)
    body = raw[8 + size :]
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(body[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays


class Fixture:
    def __init__(self, folder):
        self.folder = folder
        self.golden = read_safetensors(folder / "golden.safetensors")
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = {}
        for file in sorted(folder.glob("model*.safetensors")):
            self.weights.update(read_safetensors(file))
        self.tokens = [int(t) for t in json.loads((folder / "meta.json").read_text())["tokens"]]

    @property
    def tokens_text(self):
        return ",".join(map(str, self.tokens))

    def unembed(self, resid):
        """Final RMSNorm, W_U and the final soft cap, in float64."""
        x = resid.astype(np.float64)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + self.config["rms_norm_eps"])
        gain = self.weights["model.norm.weight"].astype(np.float64)
        x = x * (1 + gain if self.config["model_type"].startswith("gemma") else gain)
        name = "lm_head.weight" if "lm_head.weight" in self.weights else "model.embed_tokens.weight"
        logits = x @ self.weights[name].astype(np.float64).T
        cap = self.config.get("final_logit_softcapping")
        return cap * np.tanh(logits / cap) if cap else logits

    def lens(self, layer, site="resid_post"):
        """[pos, d_vocab] logits of a layer."""
        return self.unembed(self.golden[f"blocks.{layer}.hook_{site}"][0])


def softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
