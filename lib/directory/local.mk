# lib/directory
