"""Running a model: inputs, shapes, dtypes, lifetimes."""

import gc
import weakref

import numpy as np
import pytest

import cutaway as cw

POST = "blocks.1.hook_resid_post"


def test_shapes_and_dtypes(model, ids):
    out = model.run(ids, capture=["blocks.*.hook_resid_post", "blocks.0.attn.hook_pattern"])
    n, c = len(ids), model.config
    assert out.logits.shape == (1, n, c.d_vocab) and out.logits.dtype == np.float32
    assert out.tokens.tolist() == [ids] and out.tokens.dtype == np.int64
    assert out.lengths == [n]
    assert list(out.keys()) == [
        "blocks.0.attn.hook_pattern",
        *(f"blocks.{i}.hook_resid_post" for i in range(c.n_layers)),
    ]
    assert out[POST].shape == (1, n, c.d_model) and out[POST].dtype == np.float32
    assert out["blocks.0.attn.hook_pattern"].shape == (1, c.n_heads, n, n)
    assert POST in out and "blocks.0.hook_resid_pre" not in out and "no such hook" not in out
    assert "logits=[1, 11, 83]" in repr(out) and "4 arrays" in repr(out.cache)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "uint64"])
def test_ids_of_any_integer_width(model, ids, dtype):
    expected = model.run(ids).logits
    for form in (
        np.array(ids, dtype),
        np.array([ids], dtype),
        list(np.array(ids, dtype)),
        tuple(ids),
        [ids],
    ):
        np.testing.assert_array_equal(model.run(form).logits, expected)


@pytest.mark.parametrize(
    "bad, error, text",
    [
        ([1.0, 2.0], TypeError, "float64"),
        (np.ones(3, np.float32), TypeError, "float32"),
        (np.ones(3, bool), TypeError, "bool"),
        ([[1, 2], [1.5]], TypeError, r"tokens\[1\].*float64"),
        ([1, 83], cw.ArgumentError, "83"),
        ([1, -2], cw.ArgumentError, "-2 at position 1"),
        ([1, -1, 3], cw.ArgumentError, "-1 at position 1"),
        ([1, 2**40], cw.ArgumentError, str(2**40)),
        ([], cw.ArgumentError, "empty|no token"),
        ([[]], cw.ArgumentError, "empty|no token"),
        (np.ones((1, 1, 2), int), cw.ShapeError, r"\[1, 1, 2\]"),
        (list(range(65)), cw.ArgumentError, "65"),
    ],
)
def test_bad_ids_are_refused_by_name(model, bad, error, text):
    with pytest.raises(error, match=text):
        model.run(bad)


def test_ragged_rows_equal_each_row_alone(model, ids):
    rows = [ids, ids[:4], ids[2:9]]
    out = model.run(rows, capture=[POST])
    assert out.lengths == [11, 4, 7]
    assert out.tokens[1].tolist() == ids[:4] + [-1] * 7
    for i, row in enumerate(rows):
        alone = model.run(row, capture=[POST])
        n = len(row)
        np.testing.assert_array_equal(out.logits[i, :n], alone.logits[0])
        np.testing.assert_array_equal(out[POST][i, :n], alone[POST][0])
        assert not out[POST][i, n:].any()
    # The padded array that the result gives is itself an input.
    np.testing.assert_array_equal(model.run(out.tokens).logits, out.logits)


def test_logits_of_the_last_position_or_none(model, ids):
    rows = [ids, ids[:4]]
    everything = model.run(rows).logits
    last = model.run(rows, logits="last").logits
    assert last.shape == (2, 1, model.config.d_vocab)
    np.testing.assert_array_equal(last[0, 0], everything[0, 10])
    np.testing.assert_array_equal(last[1, 0], everything[1, 3])
    assert model.run(rows, logits="none").logits is None
    with pytest.raises(cw.ArgumentError, match="'some', expected 'all'"):
        model.run(rows, logits="some")


def test_before_and_after_an_edit(model, ids):
    edit = cw.zero(POST)
    plain = model.run(ids, capture=POST)[POST]
    out = model.run(ids, capture=[POST], edit=edit, when="before")
    assert list(out.keys()) == [POST + ":before"]
    np.testing.assert_array_equal(out[POST], plain)
    both = model.run(ids, capture=[POST, POST + ":before"], edit=edit)
    assert not both[POST].any()
    np.testing.assert_array_equal(both[POST + ":before"], plain)
    with pytest.raises(cw.ArgumentError, match="'during'"):
        model.run(ids, when="during")


def test_keys_by_name_alias_point_and_short_form(model, ids):
    _, cache = model.run_with_cache(ids)
    post = cache["blocks.2.hook_resid_post"]
    points = {point.name: point for point in model.hook_points()}
    assert cache[points["blocks.2.hook_resid_post"]] is post
    assert cache["resid_post", 2] is post and cache["resid_post", -1] is post
    assert cache["pattern", 0] is cache["blocks.0.attn.hook_pattern"]
    assert (
        cache["q", 1] is cache["blocks.1.attn.hook_q"] and cache["attn", 1] is cache["pattern", 1]
    )
    assert cache["pre", 1, "mlp"] is cache["blocks.1.mlp.hook_pre"]
    assert cache["scale", 1, "ln2"] is cache["blocks.1.ln2.hook_scale"]
    assert (
        cache[("embed",)] is cache["hook_embed"]
        and cache[("scale",)] is cache["ln_final.hook_scale"]
    )
    with pytest.raises(TypeError, match="int"):
        cache[3]


def test_a_cache_holds_every_hook_point_unless_filtered(model, ids):
    _, cache = model.run_with_cache(ids)
    assert set(cache) == {point.name for point in model.hook_points()}
    for point in model.hook_points():
        sizes = {"batch": 1, "pos": len(ids), "q_pos": len(ids), "k_pos": len(ids)}
        assert cache[point].shape == tuple(sizes.get(n, n) for n in point.shape), point
    _, some = model.run_with_cache(ids, lambda name: name.endswith("hook_z"))
    assert list(some) == [f"blocks.{i}.attn.hook_z" for i in range(3)]
    _, one = model.run_with_cache(ids, "blocks.0.hook_mlp_out")
    assert list(one) == ["blocks.0.hook_mlp_out"] and len(one) == 1


def test_a_name_that_was_not_captured_says_what_was(model, ids):
    out = model.run(ids, capture=POST)
    with pytest.raises(
        cw.UnknownNameError, match="blocks.0.hook_resid_pre: not captured; captured: " + POST
    ):
        out["blocks.0.hook_resid_pre"]
    with pytest.raises(cw.UnknownNameError) as caught:
        out["blocks.0.hook_resid_prf"]
    assert "blocks.0.hook_resid_pre" in caught.value.suggestions


def test_arrays_outlive_model_and_result(ids):
    from conftest import MODELS

    model = cw.load(MODELS / "llama_gqa")
    out = model.run(ids, capture=POST)
    logits, post, weight = out.logits, out[POST], model.W_E
    copies = logits.copy(), post.copy(), weight.copy()
    gone = weakref.ref(out)
    del model, out
    gc.collect()
    assert gone() is None
    np.empty(200_000, np.float32).fill(np.nan)  # would land on freed memory
    for array, copy in zip((logits, post, weight), copies):
        np.testing.assert_array_equal(array, copy)
        assert array.flags.c_contiguous and array.flags.writeable and array.base is not None


def test_writing_to_a_result_changes_nothing_else(model, ids):
    before = model.run(ids, capture=POST)
    after = model.run(ids, capture=POST)
    after[POST][:] = 7
    np.testing.assert_array_equal(model.run(ids, capture=POST)[POST], before[POST])


def test_saved_activations_come_back(model, ids, tmp_path):
    out = model.run(ids, capture=["blocks.*.hook_resid_post"])
    out.save(tmp_path / "cache.npz")
    with np.load(tmp_path / "cache.npz") as saved:
        assert set(saved) == set(out.keys())
        np.testing.assert_array_equal(saved[POST], out[POST])
    cw.save(tmp_path / "x.safetensors", {"a": np.arange(6.0).reshape(2, 3)})
    loaded = cw.load_tensor(f"{tmp_path}/x.safetensors:a")
    assert loaded.dtype == np.float32 and loaded.tolist() == [[0, 1, 2], [3, 4, 5]]
    np.testing.assert_array_equal(cw.load_tensor(f"{tmp_path}/cache.npz:{POST}"), out[POST])
    with pytest.raises(cw.ArgumentError, match="txt"):
        out.save(tmp_path / "cache.txt")
    with pytest.raises(cw.IoError):
        cw.load_tensor(tmp_path / "none.npy")


def test_unembed_of_the_last_residual_is_the_logits(model, ids):
    out = model.run(ids, capture="blocks.2.hook_resid_post")
    resid = out["blocks.2.hook_resid_post"]
    np.testing.assert_array_equal(model.unembed(resid), out.logits)
    assert model.unembed(resid[0, 0]).shape == (83,)
    with pytest.raises(cw.ShapeError, match=r"\[11, 29\], expected \[..., 30\]"):
        model.unembed(resid[0, :, :29])
