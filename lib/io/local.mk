# lib/io
