"""Keep the memory of arrays that are gone, for those of the next step."""

import numpy as np

# glibc, the C library of most Linux systems, returns to the system what is free at the
# end of its memory, if that's more than twice the largest block that it got back before
# (mallopt(3), M_MMAP_THRESHOLD). A step of a large network makes and leaves tens of
# megabytes, and each page of them that comes anew costs time. So give glibc a large
# block back first, no page of which was used. It learns from none above 32 MiB.
LARGE = 31 * 2**20  # bytes


def keep_freed_memory():
    """Have the C library keep some tens of megabytes. Other C libraries ignore it."""
    np.empty(LARGE, np.uint8)
