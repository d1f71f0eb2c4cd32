"""What the pages assert: recorded, held softly for readers, tried in other arithmetics.

A page's cells hold its numbers with plain `assert` statements. CONTRIBUTING tells which
kinds there are, and by which tags they are told apart.
"""
