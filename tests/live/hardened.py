"""Runs a program as systemd's MemoryDenyWriteExecute and NoNewPrivileges would: argv[1] and what follows."""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 38, 65, 1

if __name__ == "__main__":
    libc = ctypes.CDLL(None, use_errno=True)
    for option in (PR_SET_NO_NEW_PRIVS, PR_SET_MDWE):
        if libc.prctl(option, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
            sys.exit(f"prctl {option}: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[1], sys.argv[1:])
