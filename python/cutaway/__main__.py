"""The command line tool, run by `cutaway` and `python -m cutaway`: the same code as the executable."""

from __future__ import annotations

import os
import signal
import sys

from . import _core
from ._resolve import _demo_model


def main() -> int:
    # The tool's own handler gives Ctrl-C its exit status; Python's would only set a flag that no one
    # reads while C++ runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Python knows better than a search of folders where this environment's packages lie.
    if "CUTAWAY_DEMO_MODEL" not in os.environ and (demo := _demo_model()) is not None:
        os.environ["CUTAWAY_DEMO_MODEL"] = str(demo)
    return _core.cli_main([os.fsencode(argument) for argument in sys.argv])


if __name__ == "__main__":
    sys.exit(main())
