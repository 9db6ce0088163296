"""What is given and what is shown, noun by noun: the OpenAPI document is made of these."""
