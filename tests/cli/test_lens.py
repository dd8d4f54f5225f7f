"""Numbers of `lens` against numpy over Hugging Face's residual streams."""

import numpy as np
import pytest

from conftest import MODELS
from oracle import Fixture, softmax

# Two f32 engines differ by 1e-5 of the largest residual (the fixtures' own tolerance); the product
# with W_U carries that into the logits, where 5e-5 of the largest has shown enough room.
TOLERANCE = 5e-5


def near(found, expected, scale):
    return abs(found - expected) <= TOLERANCE * scale


@pytest.mark.parametrize("name", ["llama_gqa", "llama_bias", "qwen2_plain", "gemma2_caps", "gemma3_pattern"])
@pytest.mark.parametrize("site", ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"])
def test_every_layer_position_and_site_equals_numpy(cutaway, name, site):
    fixture = Fixture(MODELS / name)
    d_vocab = fixture.config["vocab_size"]
    target = 7
    document = cutaway(
        "lens", fixture.folder, "--tokens", fixture.tokens_text, "--site", site, "-k", d_vocab,
        "--target", target, "--json",
    ).json
    n_layers, n_pos = fixture.config["num_hidden_layers"], len(fixture.tokens)
    assert [(c["layer"], c["pos"]) for c in document["cells"]] == [
        (layer, pos) for layer in range(n_layers) for pos in range(n_pos)
    ]
    for cell in document["cells"]:
        logits = fixture.lens(cell["layer"], site)[cell["pos"]]
        probs = softmax(logits)
        scale = max(np.abs(logits).max(), 1.0)
        found = np.full(d_vocab, np.nan)
        for token in cell["top"]:
            found[token["id"]] = token["logit"]
            assert near(token["prob"], probs[token["id"]], scale)
        assert np.abs(found - logits).max() <= TOLERANCE * scale
        order = [(-t["logit"], t["id"]) for t in cell["top"]]
        assert order == sorted(order)
        assert near(cell["entropy"], -(probs * np.log(probs)).sum(), 10 * scale)
        assert near(cell["target"]["prob"], probs[target], scale)
        assert cell["top"][cell["target"]["rank"]]["id"] == target


@pytest.mark.parametrize("name", ["llama_gqa", "gemma2_caps"])
def test_the_last_layer_is_the_softmax_of_the_models_own_logits(cutaway, name):
    fixture = Fixture(MODELS / name)
    last = fixture.config["num_hidden_layers"] - 1
    document = cutaway(
        "lens", fixture.folder, "--tokens", fixture.tokens_text, "--layer", last, "--json"
    ).json
    for cell in document["cells"]:
        probs = softmax(fixture.golden["logits"][0, cell["pos"]].astype(np.float64))
        assert cell["top"][0]["id"] == int(probs.argmax())
        for token in cell["top"]:
            assert abs(token["prob"] - probs[token["id"]]) <= 2e-5


def test_the_last_layer_is_what_run_predicts_digit_for_digit(cutaway, llama):
    words = (llama, "-p", "the cat is", "--json")
    lens = cutaway("lens", *words, "--pos", -1, "--layers", -1).json
    run = cutaway("run", *words).json
    assert lens["cells"][0]["top"] == run["predictions"][0]["top"]


def test_positions_and_layers(cutaway, llama):
    def cells(*words):
        document = cutaway("lens", llama, "-p", "the cat is in", "--json", *words).json
        return {(c["layer"], c["pos"]): c["top"] for c in document["cells"]}

    everything = cells()
    n = max(pos for _, pos in everything) + 1
    assert cells("--pos", "-1", "--layers", "0:2") == {
        (layer, n - 1): everything[layer, n - 1] for layer in (0, 1)
    }
    assert set(cells("--pos", "2:4", "--layer", "1")) == {(1, 2), (1, 3)}
    assert set(cells("--pos", "0,2", "--layers", "2,0")) == {(0, 0), (0, 2), (2, 0), (2, 2)}


def test_a_subject_is_its_last_token(cutaway, llama):
    text = "the Eiffel tower is"
    tokens = cutaway("tokens", llama, "-p", text, "--json").json["tokens"]
    end = text.index("tower") + len("tower")
    [expected] = [t["pos"] for t in tokens if not t["special"] and t["bytes"][1] == end]
    for spelling in ('subject:"Eiffel tower"', "subject:Eiffel tower"):
        cells = cutaway("lens", llama, "-p", text, "--pos", spelling, "--layer", 0, "--json").json["cells"]
        assert [c["pos"] for c in cells] == [expected]


def test_a_target_is_an_id_or_one_token(cutaway, llama):
    words = ("lens", llama, "-p", "a cat", "--layer", 0, "--pos", -1, "--json", "--target")
    vocabulary = {t["piece"]: t["id"] for t in cutaway("tokens", llama, "-p", "7 the", "--json").json["tokens"]}
    assert cutaway(*words, "7").json["target"]["id"] == 7
    assert cutaway(*words, "text:7").json["target"]["id"] == vocabulary["7"]
    assert cutaway(*words, " the").json["target"]["id"] == vocabulary["Ġthe"]
    assert cutaway(*words, " the").json["target"]["text"] == " the"


def test_several_prompts_are_rows_and_each_equals_its_own_run(cutaway, llama):
    both = cutaway("lens", llama, "-p", "the cat", "-p", "a dog is", "--json").json
    for row, text in enumerate(["the cat", "a dog is"]):
        alone = cutaway("lens", llama, "-p", text, "--json").json
        mine = [{**c, "row": 0} for c in both["cells"] if c["row"] == row]
        assert mine == alone["cells"]


def test_edits_apply(cutaway, llama):
    words = ("lens", llama, "-p", "the cat", "--json")
    plain = cutaway(*words).json["cells"]
    edited = cutaway(*words, "--edit", "blocks.1.hook_mlp_out zero").json
    assert edited["edits"] == ["blocks.1.hook_mlp_out zero"]
    for a, b in zip(plain, edited["cells"]):
        assert (a["top"] == b["top"]) == (a["layer"] == 0)


def test_one_thread_gives_the_digits_of_four(cutaway, llama):
    one = cutaway("lens", llama, "-p", "the cat is in", "--threads", 1, "--json")
    four = cutaway("lens", llama, "-p", "the cat is in", "--threads", 4, "--json")
    assert one.out == four.out
