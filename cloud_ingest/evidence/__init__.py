"""Evidence: clips and documents taken in from gateways, kept by the digest of their bytes."""
