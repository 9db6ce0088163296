"""What happens by itself: deliveries to gateways that are pushed to, and the daily clean-up."""
