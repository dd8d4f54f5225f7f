"""A conversation to the text that a model was trained on: its chat template."""

from __future__ import annotations

import calendar
import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import _core
from ._convert import path_bytes, text_utf8

Messages = Sequence[Mapping[str, Any]]
"""A conversation: dicts with "role" and "content", and whatever else the template reads."""


def _json(value: Any, what: str) -> str:
    # ensure_ascii would turn a lone surrogate into an escape that no UTF-8 text can hold.
    return text_utf8(json.dumps(value, ensure_ascii=False), what)


def is_messages(value: Any) -> bool:
    """Whether a value is a conversation: a list that starts with a dict."""
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], Mapping)


class ChatTemplate:
    """A chat template in Jinja, rendered as transformers does it.

    ChatTemplate(source) reads a template; `ChatTemplate.load(path)` that of a checkpoint, with its
    special tokens; `model.chat_template` is the model's own. A template is somebody's program: it
    reads nothing but its variables, and limits end it. Immutable; safe to use from several threads.
    """

    def __init__(self, source: str, **special_tokens: str) -> None:
        self._core = _core.ChatTemplate.parse(text_utf8(source, "source"), "chat template")
        for name, text in special_tokens.items():
            self._core = self._core.with_special_token(name, text_utf8(text, name))

    @classmethod
    def _wrap(cls, core: _core.ChatTemplate) -> ChatTemplate:
        self = cls.__new__(cls)
        self._core = core
        return self

    @classmethod
    def load(cls, path: Any) -> ChatTemplate | None:
        """The template of a checkpoint folder or a .gguf; None if it has none."""
        core = _core.ChatTemplate.load(path_bytes(path))
        return None if core is None else cls._wrap(core)

    def render(
        self,
        messages: Messages,
        add_generation_prompt: bool = True,
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        name: str = "",
        now: datetime.datetime | None = None,
        **variables: Any,
    ) -> str:
        """The conversation as text.

        messages               dicts with "role" and "content"; content may be a list of parts, and
                               other keys (tool_calls ...) are there for the template to read
        add_generation_prompt  end with the start of the assistant's answer
        tools, documents       function schemas, and documents to cite, as dicts
        name                   one of the checkpoint's named templates; "" chooses as transformers
        now                    what strftime_now shows; None: the clock
        variables              more variables, for example enable_thinking=False

        raises  ArgumentError if the template refuses the messages; FormatError, with the line, if
                it fails or breaks a limit; UnsupportedError
        """
        moment = datetime.datetime.now() if now is None else now
        return self._core.render(
            _json(list(messages), "messages"),
            add_generation_prompt,
            "" if tools is None else _json(list(tools), "tools"),
            "" if documents is None else _json(list(documents), "documents"),
            _json(variables, "variables") if variables else "",
            name,
            calendar.timegm(moment.timetuple()),
        )

    @property
    def names(self) -> list[str]:
        """ "default", and the names of the checkpoint's others."""
        return self._core.names

    def source(self, name: str = "default") -> str:
        """The template's text. Raises UnknownNameError."""
        return self._core.source(name)

    @property
    def special_tokens(self) -> dict[str, str]:
        """What the template sees as bos_token, eos_token ..."""
        return dict(self._core.special_tokens)

    def __repr__(self) -> str:
        return f"ChatTemplate({', '.join(self.names)})"
