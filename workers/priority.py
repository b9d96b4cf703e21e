"""Who goes first when threads want more cores than there are: queries, then the encoder, then readers."""

from __future__ import annotations

import os
import sys
import threading


def step_back(steps: int) -> None:
    """Lets this thread, and those that it starts to compute in, have what others leave over. Only Linux has
    priorities of single threads (`steps` of niceness, which ends at 19)."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + steps)
