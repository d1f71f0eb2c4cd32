"""What a teacher runs: MNIST for the room, editions for students, slides."""

import sys
from pathlib import Path

# What the site's build and these programs share is there, such as `plain_markdown`.
sys.path.append(str(Path(__file__).parent.parent / "website" / "extensions"))
