"""One file a family of sensors, all of the shape that :mod:`firmware_bridge.driver` gives."""
