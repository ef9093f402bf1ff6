"""The command ``zoo``: one file a verb, each of which parses, makes one lazy call and shows."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; every error on purpose becomes its sentence and its exit code."""
    if os.environ.get("ZOO_OFFLINE") == "1":
        os.environ["HF_HUB_OFFLINE"] = "1"
    # else pydantic imports whatever installed distributions offer it, which nobody has asked for, and looks for long
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # the client of the Hub reads these when it is imported; what it has to say, zoo says in its own sentences
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from zoo.cli.app import app
    from zoo.console import error
    from zoo.errors import ZooError

    try:
        app()
    except ZooError as raised:
        error(str(raised))
        sys.exit(raised.exit_code)
    except KeyboardInterrupt:
        error("interrupted; a run in progress goes on with --resume")
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe has left, as `zoo ls | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as raised:
        from zoo.console import verbose

        if verbose():
            raise
        error(f"unexpected {type(raised).__name__}: {raised} (a mistake in zoo or a plugin; -v shows where)")
        sys.exit(1)
