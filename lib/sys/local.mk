# lib/sys
