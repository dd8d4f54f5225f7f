"""`generate`: text and ids."""

import json

import numpy as np
import pytest

from conftest import MODELS
from oracle import Fixture


@pytest.mark.parametrize("name", ["llama_gqa", "qwen2_plain", "gemma2_caps", "gemma3_pattern"])
def test_greedy_tokens_are_hugging_faces(cutaway, name):
    fixture = Fixture(MODELS / name)
    greedy = json.loads((fixture.folder / "meta.json").read_text())["greedy"]
    for more in ([], ["--recompute"]):
        document = cutaway("generate", fixture.folder, "--tokens", fixture.tokens_text, "-n", len(greedy),
                           "--no-stop", "--json", *more).json
        assert [t["id"] for t in document["tokens"] if t["generated"]] == greedy
        assert [t["id"] for t in document["tokens"] if not t["generated"]] == fixture.tokens


def test_the_text_is_prompt_and_continuation(cutaway, llama):
    words = ("generate", llama, "-p", "the cat", "-n", 6, "--no-stop")
    text = cutaway(*words).out
    document = cutaway(*words, "--json").json
    [output] = document["outputs"]
    assert text == output["full_text"] + "\n"
    assert output["full_text"] == "the cat" + output["text"]
    assert output["new_tokens"] == 6
    assert output["stop"] == "length"


def test_sampling_repeats_with_its_seed(cutaway, llama):
    def ids(*words):
        document = cutaway("generate", llama, "-p", "the cat", "-n", 12, "--no-stop", "--json", *words).json
        return [t["id"] for t in document["tokens"] if t["generated"]]

    hot = ("--temperature", "2.0", "--seed")
    assert ids(*hot, 1) == ids(*hot, 1)
    assert len({tuple(ids(*hot, seed)) for seed in range(4)}) > 1
    assert ids(*hot, 1, "--top-k", 1) == ids()
    assert ids(*hot, 1, "--top-p", "0.0001") == ids()


def test_an_end_token_stops(cutaway, llama, tmp_path):
    """The first greedy token is declared the end token."""
    import shutil

    first = cutaway("generate", llama, "-p", "the", "-n", 1, "--no-stop", "--json").json["tokens"][-1]["id"]
    folder = tmp_path / "stops"
    shutil.copytree(llama, folder)
    config = json.loads((folder / "config.json").read_text())
    config["eos_token_id"] = first
    (folder / "config.json").write_text(json.dumps(config))
    [output] = cutaway("generate", folder, "-p", "the", "-n", 5, "--json").json["outputs"]
    assert (output["stop"], output["new_tokens"]) == ("eos", 1)
    [output] = cutaway("generate", folder, "-p", "the", "-n", 5, "--no-stop", "--json").json["outputs"]
    assert (output["stop"], output["new_tokens"]) == ("length", 5)


def test_several_prompts(cutaway, llama):
    both = cutaway("generate", llama, "-p", "the cat", "-p", "a", "-n", 4, "--no-stop")
    alone = [cutaway("generate", llama, "-p", text, "-n", 4, "--no-stop").out for text in ("the cat", "a")]
    assert both.out == "\n".join(alone)


def test_edits_apply_at_every_step(cutaway, llama, tmp_path):
    np.save(tmp_path / "v.npy", np.full(30, 3, np.float32))
    words = ("generate", llama, "-p", "the cat", "-n", 6, "--no-stop", "--json")
    edit = ("--edit", "blocks.2.hook_resid_post add v.npy*5")
    plain = [t["id"] for t in cutaway(*words).json["tokens"]]
    cached = [t["id"] for t in cutaway(*words, *edit).json["tokens"]]
    recomputed = [t["id"] for t in cutaway(*words, *edit, "--recompute").json["tokens"]]
    assert cached == recomputed
    assert cached != plain


def test_no_new_tokens(cutaway, llama):
    assert cutaway("generate", llama, "-p", "the cat", "-n", 0).out == "the cat\n"


def test_without_a_number_the_context_is_the_end(cutaway, llama):
    document = cutaway("generate", llama, "--tokens", ",".join(["5"] * 60), "--no-stop", "--json").json
    assert document["settings"]["max_new_tokens"] == document["outputs"][0]["new_tokens"] == 4
    result = cutaway("generate", llama, "--tokens", ",".join(["5"] * 60), "-n", 5)
    assert result.code == 2 and "64" in result.err
