"""Text in and out: tokens, strings, generation."""

import numpy as np
import pytest
from conftest import MODELS, read_meta

import cutaway as cw

TEXT = "The cat and the hall"


def test_to_tokens_gives_rows_of_int64(text_model):
    expected = read_meta("llama_gguf_q")["tokenizer"]
    ids = text_model.to_tokens(expected["text"])
    assert ids.dtype == np.int64 and ids.shape[0] == 1
    plain = text_model.to_tokens(expected["text"], add_special_tokens=False)
    assert plain[0].tolist() == text_model.tokenizer.encode(
        expected["text"], add_special_tokens=False
    )
    assert expected["ids"] in (ids[0].tolist(), plain[0].tolist())


def test_several_texts_are_padded_with_minus_one(text_model):
    both = text_model.to_tokens([TEXT, "The"])
    short = text_model.to_tokens("The")[0].tolist()
    assert both.shape == text_model.to_tokens(TEXT).shape[:0] + (
        2,
        text_model.to_tokens(TEXT).shape[1],
    )
    assert both[1].tolist() == short + [-1] * (both.shape[1] - len(short))
    assert text_model.to_string(both) == [
        text_model.to_string(both[0]),
        text_model.to_string(both[1]),
    ]


def test_ids_become_text_again(text_model):
    ids = text_model.to_tokens(TEXT, add_special_tokens=False)
    assert text_model.to_string(ids) == [TEXT]
    assert text_model.to_string(ids[0]) == TEXT
    assert "".join(text_model.to_str_tokens(ids)) == TEXT
    assert "".join(text_model.to_str_tokens(TEXT, add_special_tokens=False)) == TEXT
    with pytest.raises(cw.ArgumentError, match="2 rows"):
        text_model.to_str_tokens([[1, 2], [3, 4]])


def test_the_tokenizer_alone(text_model):
    tok = cw.Tokenizer(MODELS / "llama_gguf_q" / "model.gguf")
    text = "there's \u00e9 \U0001f600!"
    encoding = tok.encode_with_offsets(text, add_special_tokens=False)
    assert (
        encoding.ids
        == tok.encode(text, add_special_tokens=False)
        == text_model.tokenizer.encode(text, add_special_tokens=False)
    )
    assert (
        len(encoding)
        == len(encoding.pieces)
        == len(encoding.bytes)
        == len(encoding.chars)
        == len(encoding.special)
    )
    utf8 = text.encode()
    # As Hugging Face's: without the space that a piece begins with, and for a token that is only a
    # part of a character the whole character.
    covered = {at for begin, end in encoding.bytes for at in range(begin, end)}
    assert bytes(utf8[at] for at in sorted(covered)).replace(b" ", b"") == utf8.replace(b" ", b"")
    assert encoding.chars[0][0] == 0 and encoding.chars[-1][1] == len(text)
    assert tok.decode(encoding.ids) == text
    assert tok.decode(np.array(encoding.ids, np.uint16)) == text
    assert not any(encoding.special)
    assert (
        tok.vocab_size == len(tok)
        and tok.id(tok.piece(54)) == 54
        and tok.id("no such piece") is None
    )


def test_part_of_a_character_decodes_to_the_replacement_sign(text_model):
    tok = text_model.tokenizer
    ids = tok.encode("\U0001f600", add_special_tokens=False)
    assert len(ids) > 1
    assert "\ufffd" in tok.decode(ids[:-1])


def test_tokenizer_errors(text_model, model, tmp_path):
    tok = text_model.tokenizer
    with pytest.raises(cw.ArgumentError):
        tok.decode([tok.vocab_size])
    with pytest.raises(cw.ArgumentError, match="lone surrogate at character 1"):
        tok.encode("a\ud800")
    with pytest.raises(cw.ArgumentError):
        tok.single_token("two words here")
    with pytest.raises(TypeError, match="float64"):
        tok.decode([1.0])
    with pytest.raises(cw.UnsupportedError, match="tokenizer"):
        model.tokenizer
    with pytest.raises(cw.UnsupportedError, match="tokenizer"):
        model.run("text")
    with pytest.raises(cw.IoError):
        cw.Tokenizer(tmp_path / "none.json")


def test_run_takes_text_and_lists_of_text(text_model):
    one = text_model.run(TEXT)
    np.testing.assert_array_equal(one.logits, text_model.run(text_model.to_tokens(TEXT)).logits)
    both = text_model.run([TEXT, "The"])
    n = both.lengths[1]
    np.testing.assert_array_equal(both.logits[1, :n], text_model.run("The").logits[0])
    with pytest.raises(TypeError, match=r"input\[1\]: int"):
        text_model.run([TEXT, 3])


def test_generate_returns_the_prompt_and_what_follows(text_model):
    out = text_model.generate(TEXT, 5, stop_at_eos=False)
    assert isinstance(out, str) and out.startswith(TEXT)
    ids = text_model.generate(TEXT, 5, stop_at_eos=False, return_ids=True)
    prompt = text_model.to_tokens(TEXT)
    assert ids.dtype == np.int64 and ids.shape == (1, prompt.shape[1] + 5)
    np.testing.assert_array_equal(ids[:, : prompt.shape[1]], prompt)
    several = text_model.generate([TEXT, "The"], 5, stop_at_eos=False)
    assert several[0] == out and several[1].startswith("The")
    assert text_model.generate(prompt[0], 5, stop_at_eos=False) == text_model.to_string(ids[0])
    assert text_model.generate(prompt, 5, stop_at_eos=False) == [text_model.to_string(ids[0])]
    assert text_model.generate(TEXT, 0) == TEXT


def test_generated_rows_of_different_lengths_are_padded(text_model):
    ids = text_model.generate([TEXT, "The"], 3, stop_at_eos=False, return_ids=True)
    short = text_model.to_tokens("The").shape[1] + 3
    assert (ids[1, short:] == -1).all() and (ids[1, :short] >= 0).all()
    assert text_model.run(ids).lengths == [ids.shape[1], short]


def test_generation_options(text_model):
    def sample(**options):
        return text_model.generate(TEXT, 8, stop_at_eos=False, return_ids=True, **options).tolist()

    greedy = sample()
    assert sample(recompute=True) == greedy
    assert sample(temperature=1.0, top_k=1) == greedy
    assert sample(temperature=1.0, seed=3) == sample(temperature=1.0, seed=3)
    assert len({tuple(sample(temperature=2.0, seed=seed)[0]) for seed in range(5)}) > 1
    last = f"blocks.{text_model.config.n_layers - 1}.hook_resid_post"
    vector = 100 * text_model.W_U[:, 65]
    assert sample(edit=cw.replace(last, vector)) != greedy
    seen = []
    text_model.generate(TEXT, 4, stop_at_eos=False, on_token=lambda row, id: seen.append((row, id)))
    assert seen == [(0, id) for id in greedy[0][-8:-4]]
    with pytest.raises(cw.ArgumentError, match="temperature"):
        sample(temperature=-1.0)


def test_an_end_token_stops_a_row(text_model):
    # Greedy decoding, with the end token's direction added at the end of the residual stream.
    eos = text_model.config.eos_ids[0]
    last = f"blocks.{text_model.config.n_layers - 1}.hook_resid_post"
    edit = cw.replace(last, 100 * text_model.W_U[:, eos])
    ids = text_model.generate(TEXT, 5, edit=edit, return_ids=True)
    top = int(text_model.run(TEXT, edit=edit, logits="last").logits.argmax())
    assert top == eos
    assert ids[0, -1] == eos and ids.shape[1] == text_model.to_tokens(TEXT).shape[1] + 1
    assert text_model.generate(TEXT, 5, edit=edit) == TEXT
