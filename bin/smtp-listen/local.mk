# bin/smtp-listen
