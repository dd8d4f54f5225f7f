"""Edit constructors and user functions."""

import gc

import numpy as np
import pytest

from conftest import MODELS, read_meta

import cutaway as cw

PRE = "blocks.1.hook_resid_pre"
Z = "blocks.1.attn.hook_z"


def edited(model, ids, edit, hook=PRE):
    return model.run(ids, capture=[hook, hook + ":before"], edit=edit)


def test_each_kind_does_what_numpy_says(model, ids):
    value = np.linspace(-1, 1, 30).astype(np.float32)
    data = np.random.default_rng(0).standard_normal((5, 7, 30)).astype(np.float32)
    cases = {
        "add": (
            cw.add(PRE, value, pos=-1, scale=2.0),
            lambda x: x.__setitem__((0, -1), x[0, -1] + 2 * value),
        ),
        "replace": (
            cw.replace(PRE, value, pos=[0, 3]),
            lambda x: x.__setitem__((0, [0, 3]), value),
        ),
        "zero": (cw.zero(PRE, pos=slice(2, 5)), lambda x: x.__setitem__((0, slice(2, 5)), 0)),
        "scale": (
            cw.scale(PRE, 0.5, pos="1:3"),
            lambda x: x.__setitem__((0, slice(1, 3)), x[0, 1:3] * 0.5),
        ),
        "mean": (
            cw.mean(PRE, data),
            lambda x: x.__setitem__(0, data.astype(np.float64).mean((0, 1))),
        ),
    }
    for kind, (edit, change) in cases.items():
        assert edit.kind == kind and edit.hook == PRE
        out = edited(model, ids, edit)
        expected = out[PRE + ":before"].copy()
        change(expected)
        # 1e-6: float32 rounding of one operation; the mean is one of 35 values.
        np.testing.assert_allclose(out[PRE], expected, rtol=1e-6, atol=1e-6, err_msg=kind)


def test_one_head(model, ids):
    out = edited(model, ids, cw.zero(Z, head=2), Z)
    assert not out[Z][:, :, 2].any()
    np.testing.assert_array_equal(np.delete(out[Z], 2, 2), np.delete(out[Z + ":before"], 2, 2))


def test_knockout_makes_the_pattern_exactly_zero(model, ids):
    pattern = "blocks.1.attn.hook_pattern"
    out = model.run(ids, capture=pattern, edit=cw.knockout(1, query=-1, key=[0, 2], head=3))
    row = out[pattern][0, 3, -1]
    assert row[0] == 0 and row[2] == 0 and abs(row.sum() - 1) < 1e-6
    assert out[pattern][0, 2, -1, 0] > 0


def test_edits_apply_in_order_and_can_be_used_again(model, ids):
    edits = [cw.replace(PRE, np.ones(30)), cw.scale(PRE, 3.0)]
    assert np.all(edited(model, ids, edits)[PRE] == 3)
    assert np.all(edited(model, ids, edits[::-1])[PRE] == 1)
    assert np.all(edited(model, ids, tuple(edits))[PRE] == 3)


def test_replacing_by_itself_changes_nothing(model, ids):
    plain = model.run(ids, capture=PRE)
    np.testing.assert_array_equal(
        model.run(ids, edit=cw.replace(PRE, plain[PRE])).logits, plain.logits
    )


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "uint8", "bool"])
def test_values_of_other_dtypes_are_rounded_as_numpy_does(dtype):
    value = np.array([0, 1, 0.1, 100]).astype(dtype)
    np.testing.assert_array_equal(cw.add(PRE, value).value, value.astype(np.float32))


def test_values_from_views_lists_and_other_libraries():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(cw.add(PRE, base[::2, ::-1].T).value, base[::2, ::-1].T)
    assert cw.add(PRE, [1, 2.5]).value.tolist() == [1, 2.5]

    class OnlyDlpack:
        def __dlpack__(self, **options):
            return base.__dlpack__(**options)

        def __dlpack_device__(self):
            return base.__dlpack_device__()

    np.testing.assert_array_equal(cw.add(PRE, OnlyDlpack()).value, base)
    frozen = base.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(cw.add(PRE, frozen).value, base)


def test_a_torch_tensor_comes_in():
    torch = pytest.importorskip("torch")
    for tensor in (
        torch.ones(3),
        torch.ones(3, dtype=torch.bfloat16),
        torch.ones(3, requires_grad=True),
    ):
        assert cw.add(PRE, tensor).value.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "value, error, text",
    [
        (["a"], TypeError, "vector: dtype <U1"),
        ([1j], TypeError, "complex128"),
        ([None], TypeError, "object"),
        ([1e300], cw.ArgumentError, "float64 values too large for float32"),
        ([2**24 + 1], cw.ArgumentError, "beyond 2\\^24"),
        ([[1], [1, 2]], cw.ShapeError, "not an array"),
    ],
)
def test_values_that_float32_cannot_hold_are_refused(value, error, text):
    with pytest.raises(error, match=text):
        cw.add(PRE, value)


@pytest.mark.parametrize("pos", [slice(0, 4, 2), [], "1:x", 1.5, [0.5]])
def test_bad_positions_are_refused(pos):
    with pytest.raises((cw.ArgumentError, TypeError)):
        cw.zero(PRE, pos=pos)


def test_an_edit_that_cannot_apply_is_an_error_that_names_it(model, ids):
    with pytest.raises(cw.UnknownNameError, match="hook_resid_prx") as caught:
        model.run(ids, edit=cw.zero("blocks.1.hook_resid_prx"))
    assert PRE in caught.value.suggestions
    with pytest.raises(cw.ArgumentError, match="9"):
        model.run(ids, edit=cw.zero("blocks.9.hook_resid_pre"))
    with pytest.raises(cw.ArgumentError, match="11"):
        model.run(ids, edit=cw.zero(PRE, pos=11))
    with pytest.raises(cw.ArgumentError, match="6"):
        model.run(ids, edit=cw.zero(Z, head=6))
    with pytest.raises(cw.ShapeError, match=r"\[29\]"):
        model.run(ids, edit=cw.add(PRE, np.ones(29)))
    with pytest.raises(TypeError, match=r"edit\[0\]: str"):
        model.run(ids, edit="zero")
    with pytest.raises(TypeError, match="hook: int"):
        cw.zero(3)


def test_a_function_may_change_in_place_or_return(model, ids):
    def in_place(value):
        value *= 2

    expected = model.run(ids, edit=cw.scale(PRE, 2.0)).logits
    for fn in (in_place, lambda value: value * 2, lambda value: (value * 2).astype(np.float64)):
        np.testing.assert_array_equal(model.run(ids, edit=cw.call(PRE, fn)).logits, expected)
    np.testing.assert_array_equal(
        model.run(ids, edit=cw.call(PRE, np.negative)).logits,
        model.run(ids, edit=cw.scale(PRE, -1.0)).logits,
    )


def test_a_function_sees_the_whole_array_and_its_context(model, ids):
    seen = []
    model.run(
        [ids, ids[:3]],
        edit=cw.call(
            "blocks.*.hook_resid_pre",
            lambda value, hook: seen.append((value.shape, value.dtype, hook)),
        ),
    )
    assert [hook.name for _, _, hook in seen] == [f"blocks.{i}.hook_resid_pre" for i in range(3)]
    shape, dtype, hook = seen[1]
    assert shape == (2, 11, 30) and dtype == np.float32
    assert hook.layer == 1 and hook.first_pos == 0 and hook.lengths == (11, 3)


def test_decoding_tells_a_function_where_it_is(model, ids):
    seen = []
    edit = cw.call(PRE, lambda value, hook: seen.append((hook.first_pos, value.shape[1])))
    model.generate(ids, 3, edit=edit, stop_at_eos=False, return_ids=True)
    assert seen == [(0, 11), (11, 1), (12, 1)]


class OwnError(Exception):
    pass


def test_an_exception_in_a_function_comes_out_unchanged(model, ids):
    raised = OwnError("from inside")

    def fail(value):
        raise raised

    with pytest.raises(OwnError) as caught:
        model.run(ids, edit=cw.call(PRE, fail))
    assert caught.value is raised
    assert "fail" in [entry.name for entry in caught.traceback]
    model.run(ids)  # the model is still usable


@pytest.mark.parametrize("wrong", [np.zeros((1, 11, 29)), np.zeros(30), np.float32(0)])
def test_a_function_that_returns_another_shape_is_an_error(model, ids, wrong):
    with pytest.raises(cw.ShapeError, match=r"blocks.1.hook_resid_pre: .* expected \[1, 11, 30\]"):
        model.run(ids, edit=cw.call(PRE, lambda value: wrong))


def test_a_function_that_returns_no_array_is_an_error(model, ids):
    with pytest.raises(TypeError, match="result: dtype <U"):
        model.run(ids, edit=cw.call(PRE, lambda value: "text"))
    with pytest.raises(TypeError, match="fn: int"):
        cw.call(PRE, 3)


def test_a_kept_reference_stays_valid(model, ids):
    kept = []
    plain = model.run(ids, capture=PRE)[PRE]
    model.run(ids, edit=cw.call(PRE, lambda value: kept.append(value)))
    gc.collect()
    np.testing.assert_array_equal(kept[0], plain)
    kept[0][:] = 1  # its own memory: later runs do not see it
    np.testing.assert_array_equal(model.run(ids, capture=PRE)[PRE], plain)


def test_a_function_may_run_the_model(model, ids):
    inner = []
    model.run(ids, edit=cw.call(PRE, lambda value: inner.append(model.run(ids).logits)))
    np.testing.assert_array_equal(inner[0], model.run(ids).logits)


def test_a_function_is_released_with_its_edit():
    import weakref

    class Fn:
        def __call__(self, value):
            return None

    fn = Fn()
    gone = weakref.ref(fn)
    edit = cw.call(PRE, fn)
    del fn
    gc.collect()
    assert gone() is not None
    del edit
    gc.collect()
    assert gone() is None


def test_an_edit_whose_function_reaches_it_is_collected():
    import weakref

    class Fn:
        def __call__(self, value):
            return None

    fn = Fn()
    fn.edit = cw.call(PRE, fn)
    gone = weakref.ref(fn)
    del fn
    gc.collect()
    assert gone() is None


def test_the_repr_tells_what_an_edit_does():
    assert repr(cw.add(PRE, np.ones(30), pos=-1)) == f"add('{PRE}', pos=-1, value=[30])"
    assert repr(cw.zero(Z, head=2)) == f"zero('{Z}', head=2)"
    assert "query=3, key=0:2" in repr(cw.knockout(1, 3, slice(0, 2)))


def test_experts_can_be_cut_and_routing_forced():
    model = cw.load(MODELS / "mixtral_all", threads=2)
    tokens = read_meta("mixtral_all")["tokens"]
    at = "blocks.0.mlp."
    out = model.run(tokens, capture=[at + "hook_*", at + "experts.*.hook_post"])
    best = int(out[at + "hook_expert_indices"][0, 0, 0])
    slots = out[at + "hook_expert_indices"]

    # Repeating the router's choice changes nothing, bit for bit.
    same = model.run(tokens, edit=[cw.replace(at + "hook_expert_indices", slots)])
    np.testing.assert_array_equal(same.logits, out.logits)

    # A cut expert is never chosen; one whose weight is zeroed is chosen and adds nothing.
    cut = model.run(tokens, capture=[at + "hook_*"], edit=[cw.knockout_expert(0, best)])
    assert best not in cut[at + "hook_expert_indices"]
    mute = model.run(tokens, capture=[at + "hook_*"], edit=[cw.zero(at + "hook_expert_weights", head=best)])
    np.testing.assert_array_equal(mute[at + "hook_expert_indices"], slots)
    assert not mute[at + "hook_expert_weights"][..., best].any()

    # Neurons of an expert are 0 where it is not used.
    post = out[at + f"experts.{best}.hook_post"]
    used = (slots == best).any(-1)
    assert post[used].any(-1).all() and not post[~used].any()


def test_config_tells_the_axes():
    c = cw.load(MODELS / "gpt_neox_all", threads=1).config
    assert (c.norm, c.norm_bias, c.is_gated, c.is_parallel) == ("layer", True, False, True)
    assert 0 < c.rotary_dims < c.d_head and c.n_experts == 0 and c.sparse_layers == ()
    c = cw.load(MODELS / "qwen2_moe_all", threads=1).config
    assert c.n_experts > c.experts_per_token > 0 and any(c.sparse_layers)
    assert len(c.sparse_layers) == c.n_layers
