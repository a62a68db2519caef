"""``python -m evosim`` is the command evosim."""

from evosim.cli import main

main()
