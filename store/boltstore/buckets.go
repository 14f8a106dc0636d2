package boltstore

import (
	"crypto/sha256"
	"encoding/binary"
)

// bucketID numbers the buckets of the file.
type bucketID int

const (
	bMeta           bucketID = iota // schema, counts
	bJob                            // job → record
	bResult                         // job → result JSON
	bQueue                          // queue \0 due8 job → ∅
	bJobStatus                      // state1 job → ∅
	bDedupe                         // sha256(key) → job
	bEvent                          // seq8 → event
	bEventID                        // event → seq8
	bJobEvent                       // job seq8 → ∅
	bWebhook                        // webhook → record
	bWebhookCounts                  // webhook → deliveries by status
	bDelivery                       // delivery → record
	bDeliveryStatus                 // webhook state1 delivery → ∅
	bJobDelivery                    // job (or, where there is none, event) delivery → ∅
	bDue                            // webhook due8 delivery → ∅, of those that wait
	bSeq                            // webhook seq8 delivery → ∅, open ones of ordered webhooks
	bAttempt                        // attempt → record
	bPurge                          // at8 kind1 job|event → ∅
	bBlob                           // blob → job; \0 blob → ∅ for one that was given up and may still have a file
	bFolder                         // folder → record
	bFolderCounts                   // folder → files by status
	bFile                           // folder path → record
	bFileStatus                     // folder state1 path → ∅
	bContent                        // sha256(scope, content, options) → folder path
	bFinish                         // folder path → what is left to do with the file
	bDuplicate                      // job, folder path → what to do with the file once the job is completed
	nBuckets
)

var bucketNames = [nBuckets][]byte{
	[]byte("meta"), []byte("j"), []byte("r"), []byte("jq"), []byte("js"), []byte("ju"),
	[]byte("e"), []byte("ei"), []byte("ej"), []byte("w"), []byte("wc"),
	[]byte("d"), []byte("ds"), []byte("dj"), []byte("dq"), []byte("do"), []byte("a"),
	[]byte("t"), []byte("b"),
	[]byte("f"), []byte("fn"), []byte("ff"), []byte("fs"), []byte("fc"), []byte("fp"), []byte("fd"),
}

// appended marks the buckets whose keys grow with time: their pages are filled
// almost to the brim before they are split.
var appended = [nBuckets]bool{bJob: true, bResult: true, bEvent: true, bDelivery: true, bAttempt: true,
	bPurge: true, bJobEvent: true, bJobDelivery: true}

var (
	keySchema    = []byte("schema")
	keyCounts    = []byte("counts")
	keyMigrating = []byte("migrating") // the schema that a migration began from
)

// Kinds of entry of the purge index.
const (
	purgeJob   = 'j'
	purgeEvent = 'e' // an event of no job, with its deliveries
)

func queueKey(queue string, due int64, u uid) []byte {
	k := make([]byte, 0, len(queue)+1+8+16)
	k = append(append(k, queue...), 0)
	k = binary.BigEndian.AppendUint64(k, uint64(due))
	return append(k, u[:]...)
}

// splitQueueKey is the inverse of queueKey for a key of a known queue.
func splitQueueKey(k []byte, queue string) (due int64, u uid) {
	k = k[len(queue)+1:]
	return int64(binary.BigEndian.Uint64(k)), uid(k[8:24])
}

func statusKey(status byte, u uid) []byte { return append([]byte{status}, u[:]...) }

func purgeKey(at int64, kind byte, u uid) []byte {
	k := make([]byte, 0, 8+1+16)
	k = binary.BigEndian.AppendUint64(k, uint64(at))
	return append(append(k, kind), u[:]...)
}

func dedupeKey(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// pairKey joins two ids, as in the index of a job's deliveries.
func pairKey(a, b uid) []byte { return append(append(make([]byte, 0, 32), a[:]...), b[:]...) }

// orderedKey is webhook n8 delivery, with n a due time or a sequence number.
func orderedKey(hook uid, n uint64, u uid) []byte {
	k := make([]byte, 0, 16+8+16)
	k = append(k, hook[:]...)
	k = binary.BigEndian.AppendUint64(k, n)
	return append(k, u[:]...)
}

// splitOrderedKey is the inverse of orderedKey.
func splitOrderedKey(k []byte) (n uint64, u uid) {
	return binary.BigEndian.Uint64(k[16:24]), uid(k[24:40])
}

func hookStatusKey(hook uid, status byte, u uid) []byte {
	k := make([]byte, 0, 16+1+16)
	k = append(append(k, hook[:]...), status)
	return append(k, u[:]...)
}
