"""From pixels, poses and footprints to rooftops with honest probabilities. Pure: no I/O, no clock."""
