"""For pytest: a test that asks for ``zoo_part`` runs once for each part of a distribution."""
