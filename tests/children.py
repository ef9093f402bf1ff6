"""Training in child processes that can be killed; forked from a server that has the imports done."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sys
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["timm", "scanpy", "zoo.experiment", "zoo.package"])


def run(function, *arguments, timeout=120):
    """Run a function in a child and return its exit code (negative: the signal that ended it)."""
    child = CONTEXT.Process(target=_quiet, args=(dict(os.environ), list(sys.path), function, arguments))
    child.start()
    child.join(timeout)
    if child.is_alive():
        child.kill()
        raise TimeoutError(f"the child did not end within {timeout} s")
    return child.exitcode


def _quiet(environment, path, function, arguments):
    os.environ.update(environment)
    sys.path[:] = path
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for the life of the child
    function(*arguments)


def train(recipe, overrides, out, resume=False):
    """Train to the end; exit with the code of the error."""
    import torch

    from zoo import experiment
    from zoo.errors import ZooError

    torch.set_num_threads(1)
    try:
        run_folder, filled = experiment.start(recipe, overrides, out=Path(out), resume=resume)
        for _ in experiment.train(run_folder, filled, "cpu"):
            pass
    except ZooError as error:
        sys.exit(error.exit_code)


def train_killed_at_write(recipe, overrides, out, number, resume):
    """Train, and die by SIGKILL in the middle of the numbered atomic write: written, but not yet in its place."""
    real, left = os.fsync, [number]

    def fsync(handle):
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    os.fsync = fsync
    train(recipe, overrides, out, resume)


def train_signalled_at_batch(recipe, overrides, out, number, which, resume):
    """Train, and send this process a signal when the numbered batch is read."""
    from zoo import training

    real, left = training.to_device, [number]

    def to_device(batch, device):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), which)
        return real(batch, device)

    training.to_device = to_device
    train(recipe, overrides, out, resume)


def train_signalled_while_scored(recipe, overrides, out, which, resume):
    """Train, and send this process a signal when the first member is scored."""
    from zoo import evaluate

    real = evaluate.by_group

    def by_group(*arguments):
        os.kill(os.getpid(), which)
        return real(*arguments)

    evaluate.by_group = by_group
    train(recipe, overrides, out, resume)


def weights(out):
    """Return the digests of every trained model of a run, and of its scores."""
    folder = Path(out)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("model/*/*.safetensors"))
    }
