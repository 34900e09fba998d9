# Driver for the mail-server benchmark kit: Pillarbox as it is installed by
# `mailctl init`, with its safe defaults.  Sourced by the kit's bench program:
#	bench smtp postfix PATH/t/bench/pillarbox.sh
# PB_BIN names the folder of the programs; by default build/bin of this tree.
PB_BIN=${PB_BIN:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bin}
PB_ROOT=$BENCH_DIR/pillarbox

# mailctl init puts the services on consecutive ports in this order.
SMTP_PORT=$BENCH_PORT POP3_PORT=$((BENCH_PORT + 3)) POP3S_PORT=$((BENCH_PORT + 4))
IMAP_PORT=$((BENCH_PORT + 5)) IMAPS_PORT=$((BENCH_PORT + 6))
LOGIN=u%d@bench.test PASS=pw RCPT=u%d@bench.test
MAILDIR=$PB_ROOT/domains/bench.test/users/u%d/Maildir
VUID=$(id -u pbmail 2>/dev/null) VGID=$(id -g pbmail 2>/dev/null)

pb() { "$PB_BIN/mailctl" -r "$PB_ROOT" "$@"; }

drv_version() { "$PB_BIN/mailctl" --version; }
drv_config() { cat "$PB_ROOT/etc/mailconfig.xml"; }
drv_setup() {
	local i
	chmod 0755 "$BENCH_DIR"
	"$PB_BIN/mailctl" init "$PB_ROOT" --base-port "$BENCH_PORT" --host-name mx.bench.test || return
	# The kit's password is short; every other rule of passwords is off for it.
	pb set passwordMinLength 2 && pb set passwordRequireNumber False &&
		pb set passwordRequireCapital False || return
	# All the load comes from one address.
	pb set smtpMaxConnectionsPerIp 0 && pb set popMaxConnectionsPerIp 0 && pb set imapMaxConnectionsPerIp 0 || return
	# Nor do limits of a domain end the load: others have none by default.
	pb domain add bench.test --admin postmaster --password "$PASS" maxUsers=0 diskSpaceMB=0 || return
	for ((i = 0; i < BENCH_USERS; i++)); do
		pb user add "u$i@bench.test" --password "$PASS" || return
	done
	pb set allowLoopbackTargets True && pb set --add smtpAuthBypass/entry ip=127.0.0.1 &&
		pb set --add domainForwarding/server address=127.0.0.1 port="$BENCH_SINK_PORT" domains=relay.test
}
drv_start() { pb start; }
drv_stop() { pb stop; kill_group; }
# The index is derived from the mail; the journal beside it is the truth for UIDs and stays.
drv_drop_index() { find "$(maildir_of "$1")" -name pillarbox.index -delete; }
