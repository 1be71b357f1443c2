"""HTTP: routes, problems and what every request gets; no decision about content."""
