"""``python -m zoo``: the same command, for launchers such as torchrun."""

from zoo.cli import main

main()
