"""Where programs that tests start have their digits from."""

from scratchnet.mnist import fetch_file, practice


def mnist_source():
    """Return what to set `MNIST_SOURCE` to."""
    if practice.is_chosen():
        return "practice"
    path, _ = fetch_file("training_images")
    return str(path.parent)
