"""Where output goes: terminals, colours, files, closed pipes, Ctrl-C."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import checked

GOLDEN = Path(__file__).parent / "golden"
ESCAPE = "\x1b"


def on_a_terminal(program, words, env, cwd, columns=80):
    """What a terminal of that width receives."""
    import fcntl
    import struct
    import termios

    try:
        parent, child = pty.openpty()
    except OSError as error:  # a chroot without /dev/pts has none to give
        pytest.skip(f"no pseudo-terminal: {error}")
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([str(program), *map(str, words)], stdin=subprocess.DEVNULL, stdout=child,
                               stderr=subprocess.PIPE, env=env, cwd=cwd)
    os.close(child)
    received = b""
    while True:
        ready, _, _ = select.select([parent], [], [], 60)
        assert ready, "the program wrote nothing for a minute"
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # the other side closed
            break
        if not chunk:
            break
        received += chunk
    os.close(parent)
    assert process.wait(60) == 0, process.stderr.read()
    return received.decode().replace("\r\n", "\n")


LENS = ("-p", "the cat is in", "--target", "7")


@pytest.mark.parametrize("name,words", [
    ("lens", ("lens", *LENS)),
    ("run", ("run", "-p", "the cat", "--capture", "blocks.*.hook_resid_post", "--top", 3)),
    ("info", ("info",)),
])
def test_text_is_as_recorded(cutaway, bare_llama, llama, name, words):
    """The layout; the numbers are proved elsewhere, and shown with too few digits to differ."""
    result = cutaway(words[0], llama, *words[1:])
    assert result.code == 0, result.err
    found = result.out.replace(str(llama), "MODEL")
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("CUTAWAY_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found)
    assert found == golden.read_text()


def test_colour_only_on_a_terminal_that_wants_it(cutaway, program, llama, environment, tmp_path):
    words = ("lens", llama, *LENS)
    assert ESCAPE not in cutaway(*words).out
    coloured = on_a_terminal(program, words, environment, tmp_path)
    assert f"{ESCAPE}[48;5;" in coloured
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain = on_a_terminal(program, words, {**environment, **more}, tmp_path)
        assert ESCAPE not in plain
        assert re.sub(f"{ESCAPE}\\[[0-9;]*m", "", coloured).split() == plain.split()


def test_the_map_fits_the_terminal(program, llama, environment, tmp_path):
    text = on_a_terminal(program, ("lens", llama, "-p", "the cat is in a hat of tin", "-k", 1),
                         {**environment, "NO_COLOR": "1"}, tmp_path, columns=60)
    heat_map = text.split("\nat position")[0].split("\n\n", 1)[1]
    assert heat_map.count("layer") > 1  # several bands
    assert all(len(line) <= 60 for line in heat_map.splitlines())


def test_json_to_a_file_leaves_standard_output_empty(cutaway, llama, tmp_path):
    for words in (["lens", llama, "-p", "he"], ["run", llama, "-p", "he"], ["generate", llama, "-p", "he", "-n", 2],
                  ["tokens", llama, "-p", "he"], ["info", llama]):
        result = cutaway(*words, "--json", "out.json")
        assert (result.code, result.out, result.err) == (0, "", "")
        document = checked((tmp_path / "out.json").read_text())
        assert document == cutaway(*words, "--json").json
        if words[0] != "run":
            assert cutaway(*words, "--json", "-o", "again.json").out == ""
            assert checked((tmp_path / "again.json").read_text()) == document
            assert cutaway(*words, "-o", "out.txt").out == ""
            assert (tmp_path / "out.txt").read_text() == cutaway(*words).out


def test_a_failure_keeps_the_old_file_and_leaves_no_other(cutaway, llama, tmp_path):
    for name in ("out.npz", "out.json"):
        (tmp_path / name).write_text("old")
    before = sorted(tmp_path.iterdir())
    calls = [
        ("run", llama, "-p", "he", "--capture", "nothing", "-o", "out.npz"),
        ("lens", llama, "-p", "he", "--pos", "99", "--json", "out.json"),
        ("generate", llama, "-p", "he", "--json", "out.json", "--edit", "blocks.9.hook_mlp_out zero"),
    ]
    for words in calls:
        assert cutaway(*words).code == 2
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "out.npz").read_text() == (tmp_path / "out.json").read_text() == "old"


def test_a_file_that_cannot_be_written(fails, llama):
    assert fails(1, "lens", llama, "-p", "he", "-o", "no/such/folder/x").startswith("no/such/folder")
    assert fails(1, "run", llama, "-p", "he", "--capture", "logits", "-o", "no/such/x.npz") == (
        "no/such/x.npz: there is no folder 'no/such' to write it in"
    )


def test_a_full_disk(program, llama, environment):
    with open("/dev/full", "wb") as full:
        process = subprocess.run([program, "lens", llama, "-p", "he"], stdout=full, stderr=subprocess.PIPE,
                                 env=environment, timeout=60)
    assert process.returncode == 1
    assert process.stderr == b"cutaway: error: standard output: No space left on device\n"


def test_a_reader_that_goes_away(program, llama, environment):
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run([program, "lens", llama, "-p", "he"], stdout=writer, stderr=subprocess.PIPE,
                             env=environment, timeout=60)
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, b"")


def test_text_streams_to_a_terminal_in_whole_characters(program, cutaway, llama, environment, tmp_path):
    words = ("generate", llama, "-p", "é the cat", "-n", 8, "--no-stop")
    assert on_a_terminal(program, words, environment, tmp_path) == cutaway(*words).out


def test_interrupt_while_reading_the_prompt(program, llama, environment):
    process = subprocess.Popen([program, "lens", llama, "--prompt-file", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    wait_until_reading(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_interrupt_keeps_what_was_generated(program, llama, environment):
    """--recompute over a long sequence gives the signal time to arrive between two tokens."""
    process = subprocess.Popen([program, "generate", llama, "-p", "he", "-n", "60", "--no-stop", "--recompute", "--json",
                                "--prompt-file", "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    wait_until_reading(process)
    process.stdin.write(b"a")
    process.stdin.close()
    process.stdin = None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert err == b""
    assert process.returncode in (0, 130)  # the signal may come after the last token
    if out:
        document = checked(out.decode())
        stops = {o["stop"] for o in document["outputs"]}
        assert stops <= {"length", "interrupted"}
        assert ("interrupted" in stops) <= (process.returncode == 130)


def wait_until_reading(process):
    """Until the program blocks in a read of its standard input (system call 0 on x86-64)."""
    for _ in range(2000):
        try:
            if Path(f"/proc/{process.pid}/wchan").read_text() in ("pipe_read", "anon_pipe_read"):
                return
            if Path(f"/proc/{process.pid}/syscall").read_text().startswith("0 0x0 "):
                return
        except OSError:
            pass
        time.sleep(0.005)
    pytest.skip("cannot see when the program waits for input")
