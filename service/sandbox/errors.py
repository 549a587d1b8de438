"""What can go wrong on a developer's machine, told in one sentence."""

from __future__ import annotations


class SandboxError(Exception):
    """The local stack cannot start or go on; the message says why and what to do.

    The command line prints it without a traceback.
    """
