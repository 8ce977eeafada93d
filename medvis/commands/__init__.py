"""Floor 8: one command a file, one frozen dataclass each; the dataclass is the command line (tyro)."""
