"""What a teacher runs: MNIST for the room, editions with and without solutions."""
