"""FLOOR 3 · pixels and tokens -> Encoded."""
