"""Base images from Debian's packages, our images on top, and the way into the cluster without any registry."""
