"""`run`: captures, edits and predictions."""

import zipfile

import numpy as np
import pytest

from conftest import MODELS
from oracle import Fixture, read_safetensors, softmax


@pytest.fixture(scope="module")
def fixture():
    return Fixture(MODELS / "llama_gqa")


def call(fixture):
    return ("run", fixture.folder, "--tokens", fixture.tokens_text)


def close(found, expected):
    # The fixtures' tolerance: 2e-5 of the tensor's largest value.
    return np.abs(found - expected).max() <= 2e-5 * max(1.0, np.abs(expected).max())


def test_npz_and_safetensors_hold_what_hugging_face_has(cutaway, fixture, tmp_path):
    for name in ("cache.npz", "cache.safetensors"):
        document = cutaway(*call(fixture), "--capture", "blocks.*.hook_resid_post", "--capture",
                           "blocks.1.attn.hook_pattern", "-o", tmp_path / name, "--json").json
        assert document["output"] == str(tmp_path / name)
        path = tmp_path / name
        arrays = dict(np.load(path)) if name.endswith("npz") else read_safetensors(path)
        assert sorted(arrays) == sorted(c["name"] for c in document["captures"])
        assert len(arrays) == fixture.config["num_hidden_layers"] + 1
        for capture in document["captures"]:
            array = arrays[capture["name"]]
            assert list(array.shape) == capture["shape"]
            assert array.dtype == np.float32
            assert close(array, fixture.golden[capture["name"]])
    assert zipfile.ZipFile(tmp_path / "cache.npz").testzip() is None


def test_predictions_are_the_softmax_of_the_last_logits(cutaway, fixture):
    document = cutaway(*call(fixture), "--top", 3, "--json").json
    logits = fixture.golden["logits"][0, -1].astype(np.float64)
    probs = softmax(logits)
    [prediction] = document["predictions"]
    assert prediction["pos"] == len(fixture.tokens) - 1
    assert [t["id"] for t in prediction["top"]] == list(np.argsort(-logits, kind="stable")[:3])
    for token in prediction["top"]:
        assert abs(token["logit"] - logits[token["id"]]) <= 2e-5 * np.abs(logits).max()
        assert abs(token["prob"] - probs[token["id"]]) <= 2e-5


def test_before_keeps_the_untouched_value(cutaway, fixture, tmp_path):
    hook = "blocks.1.hook_mlp_out"
    for when in ("before", "after"):
        out = tmp_path / f"{when}.npz"
        cutaway(*call(fixture), "--capture", hook, "--when", when, "--edit", f"{hook} zero", "-o", out)
        arrays = dict(np.load(out))
        if when == "before":
            assert close(arrays[f"{hook}:before"], fixture.golden[hook])
        else:
            assert not arrays[hook].any()


def test_every_edit_of_the_grammar(cutaway, fixture, tmp_path):
    hook = "blocks.1.hook_resid_post"
    d_model = fixture.config["hidden_size"]
    golden = fixture.golden[hook][0]
    vector = np.linspace(-1, 1, d_model, dtype=np.float32)
    np.save(tmp_path / "v.npy", vector)
    np.savez(tmp_path / "d.npz", v=vector, many=np.stack([vector, 3 * vector]))
    cases = {
        f"{hook}@-1 add v.npy*4.0": lambda x: np.vstack([x[:-1], x[-1:] + 4 * vector]),
        f"{hook} add d.npz:v": lambda x: x + vector,
        f"{hook}@2 replace d.npz:v": lambda x: np.vstack([x[:2], vector[None], x[3:]]),
        f"{hook}@1:3 zero": lambda x: np.vstack([x[:1], 0 * x[1:3], x[3:]]),
        f"{hook}@0,-1 scale 0.5": lambda x: np.vstack([x[:1] / 2, x[1:-1], x[-1:] / 2]),
        f"{hook} mean d.npz:many": lambda x: np.broadcast_to(2 * vector, x.shape),
    }
    for edit, expected in cases.items():
        result = cutaway(*call(fixture), "--edit", edit, "--capture", hook, "-o", "out.npz")
        assert result.code == 0, (edit, result.err)
        assert close(np.load(tmp_path / "out.npz")[hook][0], expected(golden)), edit


def test_knockout_cuts_one_edge_of_one_head(cutaway, fixture, tmp_path):
    pattern = "blocks.0.attn.hook_pattern"
    cutaway(*call(fixture), "--edit", "blocks.0.attn.hook_attn_scores@5,2#1 knockout", "--capture",
            pattern, "-o", "out.npz")
    expected = fixture.golden[pattern].astype(np.float64).copy()
    expected[0, 1, 5, 2] = 0
    expected[0, 1, 5] /= expected[0, 1, 5].sum()
    found = np.load(tmp_path / "out.npz")[pattern]
    assert found[0, 1, 5, 2] == 0
    assert close(found, expected)


def test_a_head_of_z_can_be_cut_alone(cutaway, fixture, tmp_path):
    hook = "blocks.0.attn.hook_z"
    cutaway(*call(fixture), "--edit", f"{hook}#2 zero", "--capture", hook, "-o", "out.npz")
    expected = fixture.golden[hook].copy()
    expected[:, :, 2] = 0
    assert close(np.load(tmp_path / "out.npz")[hook], expected)


def test_without_output_names_and_shapes_are_listed(cutaway, fixture):
    result = cutaway(*call(fixture), "--capture", "blocks.0.hook_resid_*", "--top", 0)
    n = len(fixture.tokens)
    assert result.out == (
        "captured                  shape\n"
        f"blocks.0.hook_resid_pre   [1, {n}, 30]\n"
        f"blocks.0.hook_resid_mid   [1, {n}, 30]\n"
        f"blocks.0.hook_resid_post  [1, {n}, 30]\n"
    )


def test_rows_of_a_batch_are_padded_and_equal_to_their_own_run(cutaway, llama, tmp_path):
    hook = "blocks.2.hook_resid_post"
    texts = ["the cat is in", "a"]
    words = [w for text in texts for w in ("-p", text)]
    document = cutaway("run", llama, *words, "--capture", hook, "-o", "both.npz", "--json").json
    both = np.load(tmp_path / "both.npz")[hook]
    for row, text in enumerate(texts):
        alone_document = cutaway("run", llama, "-p", text, "--capture", hook, "-o", "one.npz", "--json").json
        alone = np.load(tmp_path / "one.npz")[hook][0]
        assert (both[row, : len(alone)] == alone).all()
        assert not both[row, len(alone) :].any()
        assert document["predictions"][row]["top"] == alone_document["predictions"][0]["top"]


def test_logits_that_are_not_numbers_give_a_reason(cutaway, fixture):
    edit = ("--edit", "blocks.0.hook_resid_post scale 1e38", "--edit", "blocks.1.hook_resid_post scale 1e38")
    [prediction] = cutaway(*call(fixture), *edit, "--json").json["predictions"]
    assert prediction["top"] == [] and prediction["reason"] == "the logits are not numbers"
    lens = cutaway("lens", *call(fixture)[1:], *edit, "--json").json
    assert lens["cells"][-1]["entropy"] is None and lens["cells"][-1]["reason"]
    assert cutaway("lens", *call(fixture)[1:], *edit).code == 0


def test_memory_is_refused_beforehand_or_obeyed(cutaway, bare_llama):
    result = cutaway("run", bare_llama, "--tokens", "1,2,3", "--memory", "1M")
    assert result.code == 2
    assert result.err.startswith("cutaway: error: memory: this run needs ") and "1.0 MB is allowed" in result.err
    assert cutaway("run", bare_llama, "--tokens", "1,2,3", "--memory", "4G").code == 0
    assert cutaway("run", bare_llama, "--tokens", "1,2,3", "--memory", "1.5GB").code == 0
    for wrong in ("0", "4X", "-1G", "G", "1e30"):
        result = cutaway("run", bare_llama, "--tokens", "1", f"--memory={wrong}")
        assert result.code == 2 and "expected a size such as 4G" in result.err, wrong
