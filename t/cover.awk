# From what `gcov -n` says: lines run and lines there, by room of lib/.
/^File / {
	file = $2
	gsub(/'/, "", file)
	room = file
	if (room !~ /^lib\/[^\/]+\/[^\/]+\.[ch]$/) room = ""
	else sub(/\/[^\/]*$/, "", room)
}
/^Lines executed:/ && room != "" {
	split($0, part, /[:% ]+/)
	lines = part[length(part)]
	ran[room] += part[3] / 100 * lines
	all[room] += lines
	room = ""
}
END {
	for (room in all) {
		printf "%-16s %5.1f %% of %d lines\n", room, 100 * ran[room] / all[room], all[room] | "sort"
		total_ran += ran[room]
		total += all[room]
	}
	close("sort")
	if (total == 0) {
		print "no counters" | "cat 1>&2"
		exit 1
	}
	printf "%-16s %5.1f %% of %d lines\n", "all", 100 * total_ran / total, total
}
