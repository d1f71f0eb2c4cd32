"""The accuracy ladder: its networks, and what they reached.

- `recipes`: each network, with the training that it gets
- `records`: what the commands in `benchmarks/` wrote into `recorded/`, for the chapters
"""
