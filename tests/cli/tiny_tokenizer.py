"""A byte-level BPE tokenizer small enough for the vocabularies of the fixtures."""

import string

SPECIAL = ["<pad>", "<s>", "</s>"]
CHARACTERS = ["Ġ", *string.ascii_lowercase, *string.ascii_uppercase, *string.digits, ".", ",", "'", "Ã", "©"]
MERGES = [("h", "e"), ("Ġ", "t"), ("Ġt", "he"), ("e", "r"), ("i", "n"), ("Ġ", "a"), ("i", "s"), ("Ġ", "is")]


def vocabulary(size):
    pieces = SPECIAL + CHARACTERS + [a + b for a, b in MERGES]
    assert len(pieces) <= size
    pieces += [f"<unused{i}>" for i in range(size - len(pieces))]
    return {piece: i for i, piece in enumerate(pieces)}


def tokenizer_json(size):
    vocab = vocabulary(size)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": vocab[piece],
                "content": piece,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for piece in SPECIAL
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [vocab["<s>"]], "tokens": ["<s>"]}},
        },
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
            "vocab": vocab,
            "merges": [list(pair) for pair in MERGES],
        },
    }
