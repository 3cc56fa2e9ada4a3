"""Exhibits and productions: pages, figures, and the bag that holds them with their natives."""
