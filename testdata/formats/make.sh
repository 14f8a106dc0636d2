#!/usr/bin/env bash
# Makes the samples of this folder again: one recording of testdata/audio in
# every format that voxparse promises to read. It needs ffmpeg, sox (with
# AMR: libsox-fmt-all) and espeak-ng. With a folder as its argument it writes
# there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
mkdir -p "$out"
src=$here/../audio/sense_and_sensibility_01_austen_64kb-0930.wav
ff() { ffmpeg -nostdin -v error -y -bitexact "$@"; }
one() { ff -i "$src" "${@:2}" -map_metadata -1 "$out/$1"; }

# WAV, in all its codings.
one pcm_u8.wav    -c:a pcm_u8
one pcm_s16.wav   -ar 8000 -c:a pcm_s16le
one pcm_s24.wav   -ar 8000 -c:a pcm_s24le
one pcm_s32.wav   -ar 8000 -c:a pcm_s32le
one pcm_f32.wav   -ar 8000 -c:a pcm_f32le
one mulaw.wav     -ar 8000 -c:a pcm_mulaw
one alaw.wav      -ar 8000 -c:a pcm_alaw
one gsm.wav       -ar 8000 -c:a libgsm_ms
one adpcm_ms.wav  -c:a adpcm_ms
one adpcm_ima.wav -c:a adpcm_ima_wav

# Compressed, in the containers people have them in.
one mp3_16k.mp3     -b:a 32k
one mp3_44k.mp3     -ar 44100 -b:a 64k
one mp3_vbr.mp3     -ar 22050 -q:a 7
one aac.m4a         -ar 44100 -b:a 48k
one aac_front.m4a   -ar 44100 -b:a 48k -movflags +faststart
one aac.aac         -ar 44100 -b:a 48k
one alac.m4a        -ar 16000 -c:a alac
one vorbis.ogg      -c:a libvorbis -q:a 1
one opus.opus       -c:a libopus -b:a 16k
one opus.ogg        -c:a libopus -b:a 16k
one opus.webm       -c:a libopus -b:a 16k
one vorbis.webm     -c:a libvorbis -q:a 1
one flac.flac       -c:a flac
one wma.wma         -ar 44100 -c:a wmav2 -b:a 48k
one wma1.wma        -ar 44100 -c:a wmav1 -b:a 48k
one pcm.aiff        -ar 16000 -c:a pcm_s16be
one film.mp4        -f lavfi -i testsrc=s=64x48:r=2:d=3 -ar 44100 -b:a 48k -c:v mpeg4 -shortest
sox "$src" -r 8000 -C 7 "$out/.amr.amr-nb"
mv "$out/.amr.amr-nb" "$out/amr_nb.amr"

# A call: one voice on each channel, one after the other.
left=$here/../audio/sense_and_sensibility_01_austen_64kb-0880.wav
espeak-ng -v en-us -s 140 -w "$out/.right.wav" "This is the second channel of the call."
ff -i "$left" -i "$out/.right.wav" -filter_complex \
  "[0]apad=whole_dur=7[l];[1]aresample=16000,adelay=3500,apad=whole_dur=7[r];[l][r]join=inputs=2:channel_layout=stereo" \
  -b:a 48k "$out/call_stereo.mp3"
rm -f "$out/.right.wav"
