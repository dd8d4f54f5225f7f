"""llama.cpp, through the C functions that llama-cpp-python binds.

Keys and values are f32 and flash attention is off, so that the f32 file is computed in f32. The bf16 file is the same
program: there llama.cpp rounds activations to bf16 as well.
"""

from __future__ import annotations

import ctypes

import llama_cpp as lib
import numpy as np
from worker import Unsupported

CONTEXT = 2112  # the longest task, 2048 tokens, and a few generated ones
GGML_TYPE_F32 = 0


class Tool:
    model = context = batch = None

    def info(self):
        return {"version": f"llama-cpp-python {lib.__version__}"}

    def unload(self):
        if self.context:
            lib.llama_batch_free(self.batch)
            lib.llama_free(self.context)
            lib.llama_model_free(self.model)
        self.model = self.context = self.batch = None

    def load(self, path, threads):
        lib.llama_backend_init()
        options = lib.llama_model_default_params()
        options.n_gpu_layers = 0
        self.model = lib.llama_model_load_from_file(path.encode(), options)
        if not self.model:
            raise RuntimeError("llama_model_load_from_file failed")
        options = lib.llama_context_default_params()
        options.n_ctx = options.n_batch = CONTEXT
        options.n_threads = options.n_threads_batch = threads
        options.type_k = options.type_v = GGML_TYPE_F32
        options.flash_attn_type = 0
        self.context = lib.llama_init_from_model(self.model, options)
        if not self.context:
            raise RuntimeError("llama_init_from_model failed")
        self.vocab = lib.llama_model_get_vocab(self.model)
        self.d_vocab = lib.llama_vocab_n_tokens(self.vocab)
        self.batch = lib.llama_batch_init(CONTEXT, 0, 1)

    def _decode(self, tokens, start, rows):
        batch = self.batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = start + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = rows == "all" or i + 1 == len(tokens)
        status = lib.llama_decode(self.context, batch)
        if status != 0:
            raise RuntimeError(f"llama_decode: status {status}")

    def _logits(self, count):
        return np.ctypeslib.as_array(lib.llama_get_logits(self.context), (count, self.d_vocab))

    def forward(self, tokens, rows):
        lib.llama_memory_clear(lib.llama_get_memory(self.context), True)
        self._decode(tokens, 0, rows)
        return self._logits(len(tokens) if rows == "all" else 1)

    def decode(self, tokens, count, edit):
        if edit:
            raise Unsupported("no edit")
        made = [int(self.forward(tokens, "last").argmax())]
        while len(made) < count:
            self._decode(made[-1:], len(tokens) + len(made) - 1, "last")
            made.append(int(self._logits(1).argmax()))
        return made

    def tokenise(self, text):
        with open(text, "rb") as file:
            data = file.read()
        ids = (ctypes.c_int32 * len(data))()
        count = lib.llama_tokenize(self.vocab, data, len(data), ids, len(data), False, False)
        if count < 0:
            raise RuntimeError(f"llama_tokenize: {count}")
        return np.ctypeslib.as_array(ids)[:count]
