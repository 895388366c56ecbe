"""Messages in, checked and stored; acknowledged only after the commit."""
