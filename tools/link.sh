#!/bin/sh
# The linker of voxparse-engine: the C compiler, without the search paths of
# libraries that modules add. sherpa-onnx-go has the path of its own folder in
# the module cache searched first: the program would carry a path of the machine
# that it was built on, load what anybody puts there, and lib/ beside it would
# not be used where it was built. $ORIGIN/lib alone is left. There is no option
# of go build or of the linker that takes a path away.
for arg; do
	shift
	case $arg in
	-Wl,-rpath,/* | -Wl,-rpath=/*) ;;
	*) set -- "$@" "$arg" ;;
	esac
done
exec ${CC:-cc} -Wl,-rpath,'$ORIGIN/lib' "$@"
