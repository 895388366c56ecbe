"""What a town's offices know of places, out of their files: roofs, grids, zones, terrain (docs/places.md)."""
