"""Background jobs: deliveries to gateways that are pushed to, looks at their listeners, and the hourly clean-up."""
