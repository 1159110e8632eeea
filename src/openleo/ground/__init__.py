"""Where things stand on the Earth: sites, cells, land, terminals and how they move.  Knows no satellites."""
