"""A made-up town in a real store, and the console over it: for tests of its pages and for the pictures in docs."""
