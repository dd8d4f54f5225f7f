"""The logit lens: arrays, table, HTML."""

import html.parser
import sys

import numpy as np
import pytest

import cutaway as cw

TEXT = "The cat <b> & the hall"


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_arrays_agree_with_unembedding_by_hand(model, ids):
    lens = cw.lens(model, ids, top_k=4, target=7)
    out = model.run(ids, capture="blocks.*.hook_resid_post")
    probs = np.stack([softmax(model.unembed(out["resid_post", i])[0]) for i in range(3)])
    assert lens.layers == [0, 1, 2] and lens.positions == list(range(11)) and lens.tokens == ids
    assert lens.top_ids.shape == lens.top_probs.shape == (3, 11, 4)
    assert lens.top_ids.dtype == np.int64 and lens.top_probs.dtype == np.float32
    order = np.argsort(-probs, -1, kind="stable")[..., :4]
    np.testing.assert_array_equal(lens.top_ids, order)
    # 1e-5: exp and sums in float32.
    np.testing.assert_allclose(lens.top_probs, np.take_along_axis(probs, order, -1), rtol=1e-5)
    np.testing.assert_allclose(lens.entropy, -(probs * np.log(probs)).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(lens.target_prob, probs[..., 7], rtol=1e-5)
    np.testing.assert_array_equal(lens.target_rank, (probs > probs[..., 7:8]).sum(-1))


def test_layers_positions_site_and_edits(model, ids):
    lens = cw.lens(model, ids, layers=[2, 0], pos=[-1], site="attn_out", top_k=1)
    assert lens.layers == [2, 0] and lens.positions == [10] and lens.top_ids.shape == (2, 1, 1)
    zero = cw.lens(model, ids, edit=cw.zero("blocks.2.hook_resid_post"), top_k=3)
    assert zero.top_ids[2].tolist() == [[0, 1, 2]] * 11  # all logits 0: ties by id
    assert zero.target_prob is None and zero.target_rank is None


def test_bad_calls(model, ids):
    with pytest.raises(cw.ArgumentError, match="site: 'pattern', expected one of resid_pre"):
        cw.lens(model, ids, site="pattern")
    with pytest.raises(cw.ArgumentError, match="3"):
        cw.lens(model, ids, layers=[3])
    with pytest.raises(cw.ShapeError, match="2 sequences"):
        cw.lens(model, [ids, ids])
    with pytest.raises(cw.ArgumentError, match="83"):
        cw.lens(model, ids, target=83)


def test_text_and_tokens(text_model):
    lens = cw.lens(text_model, TEXT, target="a")
    assert lens.target == text_model.to_single_token("a")
    assert lens.top_tokens.shape == lens.top_ids.shape
    assert lens.top_tokens[0, 0, 0] == text_model.to_str_tokens([int(lens.top_ids[0, 0, 0])])[0]
    assert lens.str_tokens == text_model.to_str_tokens(TEXT)
    table = repr(lens).splitlines()
    assert len(table) == text_model.config.n_layers + 1 and table[0].startswith("layer")


class Checker(html.parser.HTMLParser):
    """Collects the text, and sees that every element that opens is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.cells, self.links = [], 0, []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.cells += tag == "td"
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_whole_escaped_and_self_contained(text_model):
    lens = cw.lens(text_model, TEXT + " <script>alert(1)</script> \"'")
    page = lens._repr_html_()
    checker = Checker()
    checker.feed(page)
    assert not checker.open and not checker.links
    assert checker.cells == lens.top_ids.shape[0] * lens.top_ids.shape[1]
    assert "<script" not in page and "http" not in page and "url(" not in page
    assert page.count("<table") == 1


def test_without_a_tokenizer_ids_stand_for_text(model, ids):
    lens = cw.lens(model, ids)
    assert lens.top_tokens[0, 0, 0] == f"<{lens.top_ids[0, 0, 0]}>"
    assert "&lt;" in lens._repr_html_() and repr(lens)


def test_plot(model, ids, monkeypatch):
    lens = cw.lens(model, ids)
    with pytest.raises(cw.ArgumentError, match="'target_prob', expected one of prob, entropy"):
        lens.plot("target_prob")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "cutaway\[plot\]"'):
        lens.plot()


def test_a_plot_is_a_figure(model, ids, tmp_path):
    pytest.importorskip("matplotlib")
    figure = cw.lens(model, ids, target=3).plot("target_rank")
    figure.savefig(tmp_path / "lens.png")
    assert (tmp_path / "lens.png").stat().st_size > 1000
