# bin/spool-runner
