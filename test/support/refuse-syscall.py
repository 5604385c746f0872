"""Runs a command for which the kernel refuses system calls with an error: seccomp(2), SECCOMP_RET_ERRNO.

usage: refuse-syscall.py connect|socket|all-but:NUMBER,NUMBER… ERRNO-NAME COMMAND…
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


def refuse(calls, error):
    refusal = SECCOMP_RET_ERRNO | error
    if calls.startswith('all-but:'):
        numbers, listed, others = [int(number) for number in calls[8:].split(',')], SECCOMP_RET_ALLOW, refusal
    else:
        numbers, listed, others = [NUMBERS[os.uname().machine][calls]], refusal, SECCOMP_RET_ALLOW
    steps = [(LOAD_WORD, 0, 0, 0)]  # the number of the system call comes first in struct seccomp_data
    for number in numbers:
        steps += [(JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, listed)]
    steps.append((RETURN, 0, 0, others))
    code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
    program = Program(len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit('seccomp: ' + os.strerror(ctypes.get_errno()))


calls, error, *command = sys.argv[1:]
refuse(calls, getattr(errno, error))
os.execv(command[0], command)
