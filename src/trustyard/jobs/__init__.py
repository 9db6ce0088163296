"""What happens by itself: deliveries to gateways that are pushed to, and the clean-up of what is old."""
