# Tests in the order in which they run: those of the first file as it has them, then the rest
# of the others.  A test that is only in the first file is not run: it was not asked for.
FNR == NR {
	if ($0 !~ /^#/)
		early[++earlies] = $0
	next
}
{ asked[$0]; later[++laters] = $0 }
END {
	for (i = 1; i <= earlies; i++)
		if (early[i] in asked) {
			print early[i]
			delete asked[early[i]]
		}
	for (i = 1; i <= laters; i++)
		if (later[i] in asked) {
			print later[i]
			delete asked[later[i]]
		}
}
