"""What the code that the chapters teach needs around it.

- `inputs`: what functions make of what callers hand in
- `progress`: lines and bars that tell how far a program is
- `parallel`: parts of a batch, each in a process of its own
- `search`: trials on the workers of a Dask cluster
- `threads`: one for each matrix product
- `plots`, `figures`: figures that several chapters draw, and that they are seen
"""
