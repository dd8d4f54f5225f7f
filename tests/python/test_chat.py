"""Chat templates, and places in a text."""

import datetime
import json
import shutil
import sys
from pathlib import Path

import pytest
from conftest import MODELS

import cutaway as cw

sys.path.append(str(Path(__file__).resolve().parent.parent / "cli"))
from tiny_tokenizer import tokenizer_json  # noqa: E402

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ m.role }} {{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if tools %}{{ tools|tojson }}{% endif %}{% if add_generation_prompt %}assistant{% endif %}"
)
HELLO = [{"role": "user", "content": "Hello é"}]


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory):
    """A Llama that reads text, with a chat template."""
    folder = tmp_path_factory.mktemp("chat") / "model"
    shutil.copytree(MODELS / "llama_gqa", folder)
    d_vocab = json.loads((folder / "config.json").read_text())["vocab_size"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json(d_vocab)))
    config = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return cw.load(folder, threads=1)


def test_a_conversation_becomes_text(chat_model):
    assert chat_model.apply_chat_template(HELLO) == "<s>user Hello é</s>assistant"
    assert chat_model.apply_chat_template(HELLO, add_generation_prompt=False) == "<s>user Hello é</s>"
    tools = [{"name": "f"}]
    assert chat_model.apply_chat_template(HELLO, tools=tools).endswith('[{"name": "f"}]assistant')
    assert chat_model.chat_template.special_tokens == {"bos_token": "<s>", "eos_token": "</s>"}
    assert chat_model.chat_template.names == ["default"]
    assert chat_model.chat_template.source() == TEMPLATE


def test_a_conversation_becomes_tokens(chat_model):
    text = chat_model.apply_chat_template(HELLO)
    ids = chat_model.to_tokens(HELLO)
    bos, eos = (chat_model.tokenizer.id(piece) for piece in ("<s>", "</s>"))
    assert ids.tolist() == chat_model.to_tokens(text, add_special_tokens=False).tolist()
    assert ids[0, 0] == bos
    assert (ids == bos).sum() == 1 and (ids == eos).sum() == 1
    two = [{"role": "system", "content": "a"}, *HELLO]
    both = chat_model.to_tokens([HELLO, two])
    assert both.shape[0] == 2
    assert both[0][both[0] >= 0].tolist() == ids[0].tolist()
    assert both[1].tolist() == chat_model.to_tokens(two)[0].tolist()


def test_a_model_runs_conversations(chat_model):
    ids = chat_model.to_tokens(HELLO)
    assert (chat_model.run(HELLO).logits == chat_model.run(ids).logits).all()
    made = chat_model.generate(HELLO, max_new_tokens=3, return_ids=True, stop_at_eos=False)
    again = chat_model.generate(ids, max_new_tokens=3, return_ids=True, stop_at_eos=False)
    assert made.tolist() == again.tolist()
    # The answer alone, while text comes back with its prompt.
    whole = chat_model.generate(ids[0], max_new_tokens=3, stop_at_eos=False)
    answer = chat_model.generate(HELLO, max_new_tokens=3, stop_at_eos=False)
    assert whole == chat_model.tokenizer.decode(ids, skip_special_tokens=True) + answer
    assert chat_model.generate([HELLO], max_new_tokens=3, stop_at_eos=False) == [answer]


def test_a_model_without_a_template_says_so(model):
    assert model.chat_template is None
    with pytest.raises(cw.UnsupportedError, match="no chat template"):
        model.apply_chat_template(HELLO)


def test_a_template_alone():
    template = cw.ChatTemplate("{{ bos_token }}{{ messages[0].content }}{{ x }}", bos_token="<s>")
    assert template.render(HELLO, x=[None, True]) == "<s>Hello é[None, True]"
    date = cw.ChatTemplate("{{ strftime_now('%d %b %Y %H:%M') }}")
    assert date.render([], now=datetime.datetime(2024, 7, 26, 15, 4)) == "26 Jul 2024 15:04"
    assert date.render([])[-5] == datetime.datetime.now().strftime("%d %b %Y %H:%M")[-5]
    assert repr(date) == "ChatTemplate(default)"


def test_errors():
    with pytest.raises(cw.ArgumentError, match="refused them: no"):
        cw.ChatTemplate("{{ raise_exception('no') }}").render(HELLO)
    with pytest.raises(cw.FormatError, match="line 2: 'x' is undefined"):
        cw.ChatTemplate("\n{{ x.y }}").render(HELLO)
    with pytest.raises(cw.UnsupportedError, match="include"):
        cw.ChatTemplate("{% include 'a' %}")
    with pytest.raises(cw.ArgumentError, match="surrogate"):
        cw.ChatTemplate("x").render([{"role": "user", "content": "\ud800"}])
    with pytest.raises(cw.FormatError, match="max_"):
        cw.ChatTemplate("{{ 'x' * 10**12 }}").render(HELLO)


def test_loading(tmp_path):
    assert cw.ChatTemplate.load(tmp_path) is None
    (tmp_path / "chat_template.jinja").write_text("{{ messages|length }}")
    assert cw.ChatTemplate.load(tmp_path).render(HELLO) == "1"


def test_places_in_a_text(text_model):
    text = "é the cat"
    encoding = text_model.tokenizer.encode_with_offsets(text)
    for i, (begin, end) in enumerate(encoding.chars):
        if encoding.special[i]:
            continue
        assert encoding.token_to_char_range(i) == (begin, end)
        assert encoding.token_to_char_range(i, unit="bytes") == encoding.bytes[i]
        assert i in encoding.char_range_to_tokens(begin, end)
    last = len(encoding) - 1
    assert encoding.char_to_token(len(text) - 1) == last
    assert encoding.char_to_token(len(text)) is None
    assert encoding.char_to_token(len(text), exact=False) == last
    assert encoding.char_to_token(len(text.encode()) - 1, unit="bytes") == last
    assert encoding.char_to_token_start(0) == encoding.char_to_token(0)
    begin = text.index("the")
    labels = encoding.label_spans([("word", begin, begin + 3)])
    tokens = encoding.char_range_to_tokens(begin, begin + 3)
    assert labels[tokens[-1]] == "word_final"
    assert {i for i, label in enumerate(labels) if label != "other"} == set(tokens)
    (exact, far) = encoding.convert_positions([begin, 99])
    assert exact == (begin, tokens[0], encoding.pieces[tokens[0]], True)
    assert far == (99, last, encoding.pieces[last], False)
    with pytest.raises(cw.ArgumentError, match="unit"):
        encoding.char_to_token(0, unit="words")
    with pytest.raises(cw.ArgumentError, match="ends before it begins"):
        encoding.char_range_to_tokens(2, 1)
