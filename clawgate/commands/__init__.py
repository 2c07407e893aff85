"""What the commands of `clawgate.cli` do that is not done elsewhere."""
