"""What callers see: routes, bodies, descriptions, and the edge before them."""
