"""What a process does with the memory that runs are through with: kept for the next, given back in quiet.

A run of a few hundred tokens allocates and frees some hundred megabytes. As glibc comes, each thread has a
heap of its own, and what is large goes back to the kernel at once: thousands of page faults a run, for pages
that the kernel has to fill with zeros anew.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""As malloc.h numbers them."""
_LARGEST = 32 << 20
"""The most that glibc takes from a heap."""
_KEPT = 256 << 20
"""More than this is never free at the end of the heap: two runs of a full batch each need less."""


def keep() -> None:
    """Let all threads share one heap, and keep what is free in it. Before any thread is started.

    With another libc than glibc everything stays as it is.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for what, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _KEPT)):
            libc.mallopt(what, value)


def give_back() -> None:
    """Give all pages that are free back to the kernel; takes milliseconds."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
