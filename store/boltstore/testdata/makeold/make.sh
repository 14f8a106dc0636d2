#!/bin/sh
# Makes the databases of this folder again: one clean and one killed of each
# commit at which what is in the file changed. Run it in the checkout.
set -e
here=$(cd "$(dirname "$0")/.." && pwd)
for commit in 263071b a9711d8 2b8c486; do
	tree=$(mktemp -d)
	git worktree add --detach "$tree" "$commit"
	mkdir "$tree/cmd/makeold"
	cp "$here/makeold/main.go" "$tree/cmd/makeold/"
	(cd "$tree" && CGO_ENABLED=0 go build -o makeold.bin ./cmd/makeold)
	for end in clean killed; do
		data=$(mktemp -d)
		if [ $end = clean ]; then "$tree/makeold.bin" "$data"; else "$tree/makeold.bin" "$data" kill || true; fi
		gzip -9n <"$data/voxparse.db" >"$here/$commit-$end.db.gz"
		rm -r "$data"
	done
	git worktree remove --force "$tree"
done
