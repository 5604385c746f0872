"""Runs a command for which the kernel refuses a system call with an error: seccomp(2), SECCOMP_RET_ERRNO.

usage: refuse-syscall.py connect|socket ERRNO-NAME COMMAND…
"""
import ctypes
import errno
import os
import struct
import sys

NUMBERS = {'x86_64': {'socket': 41, 'connect': 42}, 'aarch64': {'socket': 198, 'connect': 203}}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x00050000, 0x7FFF0000


class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_void_p)]


def refuse(call, error):
    steps = [
        (LOAD_WORD, 0, 0, 0),  # the number of the system call comes first in struct seccomp_data
        (JUMP_IF_EQUAL, 0, 1, call),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | error),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    ]
    code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
    program = Program(len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit('seccomp: ' + os.strerror(ctypes.get_errno()))


call, error, *command = sys.argv[1:]
refuse(NUMBERS[os.uname().machine][call], getattr(errno, error))
os.execv(command[0], command)
