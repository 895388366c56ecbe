"""How the gateway is, for whoever stands in front of it or reaches its loopback: one page to read, and metrics."""
