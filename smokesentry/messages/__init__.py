"""WIRE version 1: the contract between gateways and cloud. Start at ``records``; ``envelope`` signs."""
