"""WIRE version 1: the one contract between gateways and cloud. Start at ``records``; ``envelope`` signs, ``topics`` names."""
