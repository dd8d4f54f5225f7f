"""`info`: what it tells of a model, and whether the model works."""

import json
import shutil

from conftest import MODELS


def test_sizes_dtypes_and_hook_points(cutaway, bare_llama):
    config = json.loads((bare_llama / "config.json").read_text())
    document = cutaway("info", bare_llama, "--json").json
    found = document["config"]
    assert found["model_type"] == "llama"
    for ours, theirs in {"n_layers": "num_hidden_layers", "d_model": "hidden_size", "n_heads": "num_attention_heads",
                         "n_kv_heads": "num_key_value_heads", "d_mlp": "intermediate_size", "d_vocab": "vocab_size",
                         "n_ctx": "max_position_embeddings", "norm_eps": "rms_norm_eps"}.items():
        assert found[ours] == config[theirs], ours
    d, kv, h = 30, 2, 6
    d_head, mlp, vocab, layers = found["d_head"], config["intermediate_size"], config["vocab_size"], 3
    per_layer = d * d_head * (2 * h + 2 * kv) + 3 * d * mlp + 2 * d
    parameters = layers * per_layer + 2 * vocab * d + d
    assert document["parameters"] == parameters
    assert [(u["dtype"], u["parameters"], u["bytes"]) for u in document["dtypes"]] == [("f32", parameters, 4 * parameters)]
    assert document["memory"]["kv_cache_bytes_per_token"] == 2 * layers * kv * d_head * 4
    points = {p["name"]: p for p in document["hook_points"]}
    assert points["blocks.2.hook_resid_post"]["axes"] == ["batch", "pos", "d_model"]
    assert points["blocks.2.hook_resid_post"]["shape"] == [None, None, 30]
    assert points["logits"]["shape"] == [None, None, vocab]
    assert "blocks.3.hook_resid_post" not in points
    assert "version" not in document and "check" not in document


def test_the_text_shows_symbolic_shapes(cutaway, bare_llama):
    text = cutaway("info", bare_llama).out
    assert "blocks.{0..2}.hook_resid_pre" in text
    assert "[batch, pos, d_model=30]" in text
    assert "[batch, head=6, q_pos, k_pos]" in text


def test_dtypes_of_a_quantised_model_add_up(cutaway):
    document = cutaway("info", MODELS / "llama_gguf_q" / "model.gguf", "--json").json
    assert len(document["dtypes"]) > 1
    assert sum(u["parameters"] for u in document["dtypes"]) == document["parameters"]


def test_check_runs_the_model(cutaway, bare_llama):
    result = cutaway("info", bare_llama, "--check")
    assert result.code == 0
    assert result.out.endswith("check: can run\n")
    assert cutaway("info", bare_llama, "--check", "--json").json["check"] == {
        "can_run": True,
        "reason": None,
        "is_known_family": True,
        "issues": [],
    }


def test_check_says_why_not(cutaway, bare_llama, tmp_path):
    folder = tmp_path / "odd"
    shutil.copytree(bare_llama, folder)
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "rwkv9"
    (folder / "config.json").write_text(json.dumps(config))
    result = cutaway("info", folder, "--check")
    assert result.code == 0
    assert result.out.endswith("check: can run (the family is not known: its axes were read from the config and the "
                               "tensors' names)\n")

    config["quantization_config"] = {"bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    result = cutaway("info", folder, "--check")
    assert result.code == 1
    assert "check: cannot run: " in result.out and "quantization_config" in result.out
    result = cutaway("info", folder, "--check", "--json")
    assert result.code == 1
    check = json.loads(result.out)["check"]
    assert check["can_run"] is False and check["is_known_family"] is False and len(check["issues"]) == 1


def test_check_lists_what_an_unknown_family_lacks(cutaway, bare_llama, tmp_path):
    folder = tmp_path / "odd"
    shutil.copytree(bare_llama, folder)
    path = folder / "model.safetensors"
    for old, new in ((b"model.embed_tokens.weight", b"model.token_embed.weight!"), (b"mlp.up_proj", b"mlp.fc_proj")):
        path.write_bytes(path.read_bytes().replace(old, new))
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "stranger"
    (folder / "config.json").write_text(json.dumps(config))
    result = cutaway("info", folder, "--check")
    assert result.code == 1
    assert "family 'stranger' is not known, and what the files say does not make one:" in result.out
    assert "  - no embedding 'model.embed_tokens.weight' (the file has 'model.token_embed.weight!')" in result.out
    assert "  - no MLP " in result.out
    assert len(json.loads(cutaway("info", folder, "--check", "--json").out)["check"]["issues"]) == 2


def test_a_config_key_can_be_ignored(cutaway, bare_llama, tmp_path):
    folder = tmp_path / "odd"
    shutil.copytree(bare_llama, folder)
    config = json.loads((folder / "config.json").read_text())
    config["wormhole_depth"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    assert "wormhole_depth" in cutaway("info", folder).err
    assert cutaway("info", folder, "--ignore-config", "wormhole_depth").code == 0
    assert cutaway("run", folder, "--tokens", "1,2", "--ignore-config", "wormhole_depth").code == 0


def test_without_a_model_it_tells_about_the_engine_and_the_search(cutaway, llama):
    document = cutaway("info", "--json", "--threads", 3, env={"CUTAWAY_MODEL": str(llama)}).json
    assert document["threads"] == 3
    assert document["model"] == "llama_gqa"
    assert document["search"][0] == {"where": f"$CUTAWAY_MODEL = {llama}", "found": True}
    text = cutaway("info", env={"CUTAWAY_MODEL": str(llama)}).out
    assert text.startswith("cutaway 0.")


def test_json_never_takes_the_model_for_its_file(cutaway, bare_llama):
    assert cutaway("info", "--json", bare_llama).json["model"] == "llama_gqa"
