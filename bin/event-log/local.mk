# bin/event-log
