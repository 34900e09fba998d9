# bin/mail-master
