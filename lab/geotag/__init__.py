"""Judges geotag on random towns with known truth. Geometry only: no pictures, no detector."""
