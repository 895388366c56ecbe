"""A night street with true answers: chimneys, wind, light, air, sensor bytes."""
