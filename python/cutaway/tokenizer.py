"""Text to token ids and back, exactly as Hugging Face tokenizers does it."""

from __future__ import annotations

from typing import Any

from . import _core
from ._convert import Ids, argument_error, id_rows, path_bytes, text_utf8
from ._core import Encoding

_METASPACE = "\u2581"


class Tokenizer:
    """A tokenizer read from a `tokenizer.json`, a folder that holds one, or a `.gguf`.

    Immutable; safe to use from several threads. Raises IoError, FormatError, or UnsupportedError
    naming the part that this version does not handle.
    """

    def __init__(self, path: Any) -> None:
        self._core = _core.Tokenizer.load(path_bytes(path))

    @classmethod
    def _wrap(cls, core: _core.Tokenizer) -> Tokenizer:
        self = cls.__new__(cls)
        self._core = core
        return self

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """The token ids of `text`, with BOS and the like as the tokenizer says."""
        return self._core.encode(text_utf8(text), add_special_tokens)

    def encode_with_offsets(self, text: str, add_special_tokens: bool = True) -> Encoding:
        """Ids, pieces, and the bytes and characters of `text` that each token covers."""
        return self._core.encode_with_offsets(text_utf8(text), add_special_tokens)

    def decode(self, ids: Ids, skip_special_tokens: bool = False) -> str:
        """The text of one sequence of ids. Bytes that are no whole character become U+FFFD."""
        rows, _ = id_rows(ids, "ids")
        if len(rows) != 1:
            raise argument_error(
                "ids", f"{len(rows)} rows, expected one sequence", _core.ShapeError
            )
        return self._core.decode(rows[0], skip_special_tokens)

    def piece(self, id: int) -> str:
        """The vocabulary's spelling of an id, for example "ĠParis". Raises ArgumentError."""
        return self._core.piece(id)

    def id(self, piece: str) -> int | None:
        """The id of a piece in the vocabulary's spelling, or None."""
        return self._core.id(text_utf8(piece, "piece"))

    def single_token(self, text: str) -> int:
        """The one id that `text` encodes to (" Paris"). Raises ArgumentError otherwise."""
        return self._core.single_token(text_utf8(text))

    def token_text(self, id: int) -> str:
        """The text that a token adds: " Paris".

        Decoding alone would drop SentencePiece's leading space.
        """
        text = self._core.decode([id], False)
        if self._core.piece(id).startswith(_METASPACE) and not text.startswith(" "):
            return " " + text
        return text

    def is_special(self, id: int) -> bool:
        """Whether the id is a special token (BOS, EOS ...)."""
        return self._core.is_special(id)

    @property
    def vocab_size(self) -> int:
        """Number of ids, added tokens included."""
        return self._core.vocab_size

    @property
    def bos(self) -> int | None:
        """Id of the begin-of-sequence token, or None."""
        return self._core.bos

    @property
    def eos(self) -> int | None:
        """Id of the end-of-sequence token, or None."""
        return self._core.eos

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        return f"Tokenizer({self.vocab_size} ids, bos={self.bos}, eos={self.eos})"
