"""Every captured value against Hugging Face's, through the whole Python path."""

import numpy as np
import pytest
from conftest import MODELS, model_path, read_meta, read_safetensors

import cutaway as cw

NAMES = sorted(folder.parent.name for folder in MODELS.glob("*/golden.safetensors"))


@pytest.mark.parametrize("name", NAMES)
def test_every_hook_point_and_the_logits_agree_with_hugging_face(name):
    meta, golden = read_meta(name), read_safetensors(MODELS / name / "golden.safetensors")
    model = cw.load(model_path(name), threads=2)
    logits, cache = model.run_with_cache(meta["tokens"])
    compared = 0
    for key, expected in golden.items():
        if expected.dtype != np.float32:  # the tokens
            continue
        found = cache[key]
        assert found.shape == expected.shape, key
        # Scores outside the mask are -inf here and in the oracle: equal, and left out of the scale.
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(finite, np.isfinite(found), err_msg=key)
        scale = max(float(np.abs(expected[finite]).max(initial=0.0)), 1e-6)
        worst = float(np.abs(found[finite] - expected[finite]).max(initial=0.0))
        # The fixture states what f32 in another order of summation may differ by.
        assert worst <= meta["tolerance"]["abs"] + meta["tolerance"]["rel"] * scale, key
        compared += 1
    assert compared > 20
    assert cache["logits"] is logits


@pytest.mark.parametrize("name", NAMES)
def test_greedy_generation_gives_hugging_faces_tokens(name):
    meta = read_meta(name)
    model = cw.load(model_path(name), threads=2)
    prompt, greedy = meta["tokens"], meta["greedy"]
    out = model.generate(prompt, max_new_tokens=len(greedy), stop_at_eos=False, return_ids=True)
    assert out.dtype == np.int64
    assert out.tolist() == [[*prompt, *greedy]]
