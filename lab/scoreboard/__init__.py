"""``make judge``: a fixed suite of simulated nights through the whole system, and one page of figures with bounds."""
