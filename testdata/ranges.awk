#!/usr/bin/awk -f
# Reads what `go test -bench -count N` prints, and prints each figure of each
# benchmark once: the lowest and the highest of its runs. Other lines that tell of
# a failure pass as they are.
/^Benchmark/ && NF > 3 {
	if (!($1 in seen)) { seen[$1] = ++names; name[names] = $1 }
	for (i = 3; i < NF; i += 2) {
		key = $1 SUBSEP $(i + 1)
		if (!(key in low)) { units[$1] = units[$1] " " $(i + 1); low[key] = high[key] = $i + 0 }
		if ($i + 0 < low[key]) low[key] = $i + 0
		if ($i + 0 > high[key]) high[key] = $i + 0
	}
	next
}
/FAIL|panic|_test.go:|^exit|^ok/ { print; if (/FAIL|panic/) failed = 1 }
END {
	for (n = 1; n <= names; n++) {
		printf "%-52s", name[n]
		count = split(units[name[n]], unit, " ")
		for (u = 1; u <= count; u++) {
			key = name[n] SUBSEP unit[u]
			if (low[key] == high[key]) printf "  %.4g %s", low[key], unit[u]
			else printf "  %.4g-%.4g %s", low[key], high[key], unit[u]
		}
		print ""
	}
	exit failed
}
