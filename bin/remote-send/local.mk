# bin/remote-send
