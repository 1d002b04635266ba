"""Runs a command as if the kernel had no Landlock: no_landlock.py COMMAND ARGUMENT..."""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO_ENOSYS = 0x7FFF0000, 0x00050000 | 38
LOAD_NUMBER, JUMP_AT_LEAST, JUMP_GREATER, RETURN = 0x20, 0x35, 0x25, 0x06
# landlock_create_ruleset, landlock_add_rule, landlock_restrict_self: the same on all machines
FIRST, LAST = 444, 446


def op(code, value, when=0, otherwise=0):
    return struct.pack("HBBI", code, when, otherwise, value)


program = b"".join(
    [
        op(LOAD_NUMBER, 0),
        op(JUMP_AT_LEAST, FIRST, 0, 2),
        op(JUMP_GREATER, LAST, 1, 0),
        op(RETURN, ERRNO_ENOSYS),
        op(RETURN, ALLOW),
    ]
)
buffer = ctypes.create_string_buffer(program)
filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
prctl = ctypes.CDLL(None, use_errno=True).prctl
for arguments in [
    (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
    (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(filter_)), 0, 0),
]:
    if prctl(*arguments) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
