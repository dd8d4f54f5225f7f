"""The command line tool, `cutaway` or `python -m cutaway`: the same code as the executable."""

from __future__ import annotations

import os
import signal
import sys

from . import _core
from ._resolve import _demo_model


def main() -> int:
    if not hasattr(_core, "cli_main"):
        sys.exit("cutaway: error: built without the command line tool (CUTAWAY_CLI=OFF)")
    # The tool sets its own handler where it works; elsewhere Ctrl-C ends the process at once.
    # Python's handler would only set a flag that no one reads while C++ runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Python knows better than a search of folders where this environment's packages lie.
    if "CUTAWAY_DEMO_MODEL" not in os.environ and (demo := _demo_model()) is not None:
        os.environ["CUTAWAY_DEMO_MODEL"] = str(demo)
    return _core.cli_main([os.fsencode(argument) for argument in sys.argv])


if __name__ == "__main__":
    sys.exit(main())
