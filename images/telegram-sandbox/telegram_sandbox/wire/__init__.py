"""Bytes on the wire: transports, message encryption, TL objects and key exchange; knows nothing about accounts."""
