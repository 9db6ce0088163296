"""The REST API, asked as the router asks it."""
