# Turn spool-layout/manifest into the C table of lib/config/manifest.h.
BEGIN {
	print "/* Made from spool-layout/manifest; edit that. */"
	print "#include \"base/base.h\""
	print "#include \"config/manifest.h\"\n"
	print "const struct manifest_entry manifest_table[] = {"
}
/^#/ || NF == 0 { next }
NF != 5 { print FILENAME ":" FNR ": five columns expected" > "/dev/stderr"; exit 1 }
{
	at_init = sub(/^!/, "", $1) ? "true" : "false"
	if ($1 !~ /^[dfsqg]$/ || $5 !~ /^0[0-7][0-7][0-7]$/) {
		print FILENAME ":" FNR ": bad type or mode" > "/dev/stderr"
		exit 1
	}
	printf "\t{ '%s', %s, \"%s\", \"%s\", \"%s\", %s },\n", $1, at_init, $2, $3, $4, $5
}
END {
	print "};"
	print "const size_t manifest_count = PB_COUNT(manifest_table);"
}
