"""Memory kept by the allocator: freed pages stay with the process instead of going back and forth."""

import ctypes
import platform

# Options of mallopt, from glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep() -> bool:
    """Let glibc keep freed memory, and return whether it does.

    By default every large tensor is mapped anew and given back, which costs a step of a convolutional
    network several hundred thousand page faults: nearly half of its time. Best called before the first
    tensor. Elsewhere than on Linux with glibc it does nothing.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    large = 2**31 - 1
    return all(
        libc.mallopt(option, value) == 1
        for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, large), (_TOP_PAD, 256 * 2**20))
    )
