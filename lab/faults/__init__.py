"""Faults to order: a timetable file, what carries it out, and the ledgers that show what it did to nobody's facts."""
