"""Who may speak: the certificate authority, and the register that says whose key a signature needs."""
