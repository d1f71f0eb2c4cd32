"""What the code that the chapters teach needs around it.

- `inputs`: what functions make of what callers hand in
- `files`: arrays that are kept in a file
- `progress`: lines and bars that tell how far a program is
- `windows`: how filters slide over images
- `flat`: all parameters of a network in one array, while it trains
- `parts`: parts of a batch, each with batch statistics of its own
- `parallel`: parts of a batch, each in a process of its own
- `threads`: one for each matrix product
- `memory`: what stays with a training from step to step
- `plots`, `figures`: figures that several chapters draw, and that they are seen
"""
