"""What two classic gradient mistakes cost, over ten seeds.

Trains the network of the chapter "Build and train" with three gradients, each with
the same ten seeds, and records the accuracies in `scratchnet/ladder/recorded/`, from
where that chapter shows them, and that it read 1,000 test images in the log there. Two
minutes on two cores:

    python benchmarks/gradient_mistakes.py
"""

import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import scratchnet
from scratchnet.ladder.records import log_reading, now, write_record
from scratchnet.mnist import practice

SEEDS = [884736743, *range(1, 10)]  # the chapter's own, then nine more
SAMPLE = 1000
COMMAND = "python benchmarks/gradient_mistakes.py"


def gradients_with(relu_derivative, dropout_scale):
    """Return a function like `scratchnet.gradients` with these two factors."""

    def gradients(layer_0, label, weights_1, weights_2, dropout_mask):
        weighted_sums, layer_1, layer_2 = scratchnet.forward(
            layer_0, weights_1, weights_2, dropout_mask
        )
        layer_2_delta = layer_2 - label
        layer_1_delta = (weights_2 @ layer_2_delta) * dropout_scale * dropout_mask
        layer_1_delta *= relu_derivative(weighted_sums)
        return np.outer(layer_0, layer_1_delta), np.outer(layer_1, layer_2_delta)

    return gradients


VARIANTS = {
    "both mistakes": gradients_with(lambda sums: scratchnet.relu(sums) >= 0, 1),
    "ReLU mended": gradients_with(scratchnet.relu_derivative, 1),
    "both mended": scratchnet.gradients,
}


def run(variant, seed):
    """Train once; return the accuracies on the chapter's two subsets, 0 to 1."""
    x_train, y_train, x_test, y_test = scratchnet.load_mnist()
    subsets = [
        (
            scratchnet.scale_pixels(images[:SAMPLE]),
            scratchnet.one_hot_encoding(labels[:SAMPLE]),
        )
        for images, labels in [(x_train, y_train), (x_test, y_test)]
    ]
    *_, history = scratchnet.train(*subsets, seed=seed, gradients=VARIANTS[variant])
    return history["training_accuracy"][-1], history["test_accuracy"][-1]


def main():
    """Run all variants with all seeds, in parallel, and record the accuracies."""
    if practice.is_chosen():
        raise SystemExit(f"nothing is recorded. {practice.NOTICE}")
    start, when = time.perf_counter(), now()
    jobs = [(variant, seed) for variant in VARIANTS for seed in SEEDS]
    with ProcessPoolExecutor() as pool:
        accuracies = pool.map(run, *zip(*jobs, strict=True))
    results = {variant: {"training": [], "test": []} for variant in VARIANTS}
    for (variant, seed), (training, test) in zip(jobs, accuracies, strict=True):
        results[variant]["training"].append(training)
        results[variant]["test"].append(test)
        name = f"tutorial, {variant}"
        log_reading(when, COMMAND, name, [seed], 100 * test, images=SAMPLE)
    record = {
        "command": COMMAND,
        "seconds": round(time.perf_counter() - start),
        "numpy": np.__version__,
        "seeds": SEEDS,
        "accuracy": results,
    }
    write_record("gradient_mistakes", record)
    for variant, accuracy in results.items():
        test = 100 * np.array(accuracy["test"])
        print(f"{variant}: test {test.mean():.1f} ± {test.std(ddof=1):.1f} %")


if __name__ == "__main__":
    main()
