"""A session in a picture, from its evidence alone: for a device, a page, and a printed sheet."""
