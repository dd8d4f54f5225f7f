"""SmolLM2's tokenizer out of its GGUF file, as the tokenizer.json that the other tools read."""

from __future__ import annotations

import json
from pathlib import Path

import gguf

CONTROL = 3  # the token type of <|im_start|> and the like


def write_tokenizer(reader: gguf.GGUFReader, folder: Path) -> None:
    """A byte-level BPE whose pre-tokenizer cuts single digits, then GPT-2's pattern ("smollm" in GGUF)."""

    def key(name: str):
        return reader.fields[f"tokenizer.ggml.{name}"].contents()

    if key("pre") != "smollm":
        raise SystemExit(f"tokenizer: pre-tokenizer '{key('pre')}', expected smollm")
    tokens = key("tokens")
    special = [id for id, kind in enumerate(key("token_type")) if kind == CONTROL]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id, "content": tokens[id], **flags} for id in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: id for id, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in key("merges")],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    names = {"bos_token": tokens[key("bos_token_id")], "eos_token": tokens[key("eos_token_id")]}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1))
