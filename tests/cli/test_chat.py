"""`--chat`: a prompt as a user's message, through the checkpoint's chat template."""

import json
import shutil

import pytest

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' and not loop.first %}"
    "{{ raise_exception('system first') }}{% endif %}{{ m.role }} {{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}assistant{% endif %}"
)


@pytest.fixture
def chatty(llama, tmp_path):
    folder = tmp_path / "chatty"
    shutil.copytree(llama, folder)
    config = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_tokens_are_those_of_the_rendered_text_with_one_bos(cutaway, chatty):
    document = cutaway("tokens", chatty, "--chat", "-p", "he is", "--system", "a", "--json").json
    text = "<s>system a</s>user he is</s>assistant"
    plain = cutaway("tokens", chatty, "--no-bos", "-p", text, "--json").json
    assert document == plain
    ids = [t["id"] for t in document["tokens"]]
    assert ids.count(1) == 1 and ids[0] == 1 and ids.count(2) == 2


def test_only_the_answer_is_printed(cutaway, chatty):
    words = ("generate", chatty, "--chat", "-p", "the cat", "-n", 6, "--no-stop")
    document = cutaway(*words, "--json").json
    [output] = document["outputs"]
    assert output["prompt"] == "<s>user the cat</s>assistant"
    assert [t["id"] for t in document["tokens"]].count(1) == 1
    text = cutaway("generate", chatty, "--no-bos", "-p", output["prompt"], "-n", 6, "--no-stop", "--json").json
    assert text["outputs"] == document["outputs"]
    # Alone, a decoder may drop the space that a continuation starts with.
    assert cutaway(*words).out.strip() == output["text"].strip()
    both = cutaway(*words, "-p", "a").out
    alone = cutaway("generate", chatty, "--chat", "-p", "a", "-n", 6, "--no-stop").out
    assert both == cutaway(*words).out + "\n" + alone


def test_a_template_of_its_own_file_wins(cutaway, chatty):
    (chatty / "chat_template.jinja").write_text("the {{ messages[0].content }}")
    pieces = [t["piece"] for t in cutaway("tokens", chatty, "--chat", "-p", "he", "--json").json["tokens"]]
    assert pieces[-1] == "he" and "<s>" not in pieces


def test_without_a_template_it_says_where_one_was_looked_for(fails, llama):
    message = fails(1, "generate", llama, "--chat", "-p", "he")
    assert message.startswith(f"{llama}: the checkpoint has no chat template (chat_template.jinja, ")


def test_what_the_template_refuses_is_the_callers_error(fails, chatty):
    (chatty / "chat_template.jinja").write_text("\n{{ raise_exception('no ' ~ messages[0].role) }}")
    assert fails(2, "tokens", chatty, "--chat", "-p", "he") == (
        f"messages: the chat template refused them: no user ({chatty}/chat_template.jinja, line 2)"
    )
    (chatty / "chat_template.jinja").write_text("\n\n{{ x.y }}")
    assert fails(1, "tokens", chatty, "--chat", "-p", "he") == f"{chatty}/chat_template.jinja: line 3: 'x' is undefined"


def test_options_that_do_not_go_together(fails, chatty):
    assert fails(2, "generate", chatty, "--system", "a", "-p", "he") == "--system: given without --chat"
    assert fails(2, "generate", chatty, "--chat", "--tokens", "1,2").startswith("--chat: given together with --tokens")
    assert fails(2, "tokens", chatty, "--chat", "--no-bos", "-p", "a").startswith("--no-bos: given together with --chat")
    assert fails(2, "tokens", chatty, "--chat", "--decode", "1").startswith("--decode: given together with --chat")
