"""How the application is wired: one container for each service, one for the whole."""
