# bin/greylist-check
