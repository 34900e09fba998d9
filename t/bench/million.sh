#!/bin/sh
# million.sh [MESSAGES [SECONDS]]: a queue of a million messages (default) on an ext4 image of its
# own: how long the scheduler takes to know them, when it delivers the first, what each
# costs in memory, and how long new mail takes in the first SECONDS (60).
# Wants root, PB_SRC and PB_BIN, and 9 KiB of disk a message; ends by itself.
set -eu
PB_MESSAGES=${1:-1000000} PB_SECONDS=${2:-60} exec perl -I"${PB_SRC:?}/t/lib" "$PB_SRC/t/bench/million.pl"
