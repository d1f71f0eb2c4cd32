"""What `benchmarks/seconds_to_accuracy.py` is made of.

- `targets`: which recipe of the ladder is trained for which accuracy, and how long
- `course`: what each step of a recipe's training gets, whoever takes it
- `with_numpy`, `with_pytorch`, `with_jax`, `with_keras`: the training in each
  framework. Each has a function `train`, which takes a `Course` and a number of
  threads, leaves what it has learned in the course's network, and returns the seconds
  in which it compiled.
"""
