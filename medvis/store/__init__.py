"""FLOOR 5 · what a run knew, on disk: its weights and record, and its stores."""
