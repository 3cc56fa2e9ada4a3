"""Time: laws between events, bounds between clocks. Section 5 of the design."""
