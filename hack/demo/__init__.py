"""The sample library of `make up`: made by ffmpeg and Pillow, uploaded by protocol, declared as Titles."""
