"""The application: settings, containers and routes put together, and run."""
