"""Spaces: the hyperboloid, the disk, densities on them, cones and projections. torch only."""
