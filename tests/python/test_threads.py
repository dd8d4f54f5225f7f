"""The GIL, Ctrl-C, and one model in several threads."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import cutaway as cw

LONG = [7] * 2000  # about half a second of work


@pytest.fixture
def interrupt_soon():
    """Sends this process what Ctrl-C sends, 0.2 s from now; gives its processor time then.

    Processor time, since it passes only while this process works: a busy machine fails no test.
    """
    sent = []

    def send():
        sent.append(time.process_time())
        os.kill(os.getpid(), signal.SIGINT)

    # Started in the background of a shell, a process ignores SIGINT, and Python then leaves it so.
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, send)
    timer.start()
    yield sent
    timer.cancel()
    timer.join()
    signal.signal(signal.SIGINT, old)


def test_other_threads_go_on_during_a_run(slow_model):
    done = threading.Event()

    def work():
        slow_model.run(LONG, logits="none")
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    steps = 0
    while not done.is_set():
        steps += 1
    thread.join()
    # With the GIL held this loop would stand still; a handful of steps could pass around the call.
    assert steps > 10_000


@pytest.mark.parametrize("call", ["run", "generate", "lens", "function"])
def test_ctrl_c_ends_a_long_call(slow_model, interrupt_soon, call):
    edit = cw.call("blocks.*.hook_resid_pre", lambda value: None)
    calls = {
        "run": lambda: slow_model.run(LONG, logits="none"),
        "generate": lambda: slow_model.generate(LONG[:500], 500, recompute=True, return_ids=True),
        "lens": lambda: cw.lens(slow_model, LONG),
        "function": lambda: slow_model.run(LONG, edit=edit, logits="none"),
    }
    with pytest.raises(KeyboardInterrupt):
        for _ in range(50):  # a fast machine may be done before the signal comes
            calls[call]()
    assert time.process_time() - interrupt_soon[0] < 0.2
    assert slow_model.run([1, 2, 3]).logits.shape == (1, 3, 64)


def test_a_handler_of_ones_own_raises_its_own_error(slow_model, interrupt_soon):
    class Stop(Exception):
        pass

    def handler(number, frame):
        raise Stop

    old = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(Stop):
            slow_model.run(LONG, logits="none")
    finally:
        signal.signal(signal.SIGINT, old)


def test_many_threads_get_the_same_numbers(model, ids):
    expected = model.run(ids, capture="blocks.*.hook_resid_post")
    failures = []

    def work():
        for _ in range(20):
            out = model.run(
                ids,
                capture="blocks.*.hook_resid_post",
                edit=cw.call("blocks.0.hook_resid_pre", lambda value: None),
            )
            if not all(np.array_equal(out[key], expected[key]) for key in expected.keys()):
                failures.append(1)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_an_edit_may_die_on_another_thread(model, ids):
    edits = [cw.call("blocks.0.hook_resid_pre", lambda value: None) for _ in range(50)]
    threads = [
        threading.Thread(target=lambda: [model.run(ids, edit=edits.pop()) for _ in range(10)])
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not edits
