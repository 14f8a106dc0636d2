package api

// Reasons, as words for programs: why a job failed (Job.ErrorCode, and an
// event's error_code), why an attempt did (Attempt.ErrorKind), why a webhook is
// disabled (Webhook.DisabledReason), and what to know of a recording
// (Notice.Code).
const (
	JobNotAudio       = "not_audio"      // text, an image, an archive: nothing to decode
	JobEmpty          = "empty_file"     // no bytes, or no samples
	JobDamaged        = "damaged"        // the container or stream cannot be decoded
	JobTruncated      = "truncated"      // the file ends before the audio it announces
	JobNoSpeech       = "no_speech"      // decoded, but nobody speaks
	JobUnintelligible = "unintelligible" // speech was heard and not understood
	JobTooLong        = "too_long"       // over the configured length of audio
	JobTooShort       = "too_short"      // too few samples to recognize
	JobUnsupported    = "unsupported"    // a codec or option that this build or model lacks
	JobEngineCrashed  = "engine_crashed" // the file ended several workers: it is set aside
	JobTimeout        = "timeout"        // over the time limit of an attempt
	JobModelMissing   = "model_missing"  // the model could not be had
	JobRemote         = "remote_error"   // a remote engine refused it
	JobSourceGone     = "source_gone"    // removed from its folder before it was transcribed
	JobInterrupted    = "interrupted"    // it had not ended in the backup that was restored
	JobInternal       = "internal"       // a fault of ours, after every attempt

	AttemptDNS     = "dns"
	AttemptConnect = "connect"
	AttemptTLS     = "tls"
	// AttemptClientCertificate: the receiver wants a client certificate, or refuses the one it got.
	AttemptClientCertificate = "client_certificate"
	AttemptHTTPVersion       = "http_version" // the receiver does not speak HTTP/1.1
	AttemptTimeout           = "timeout"
	AttemptBlocked           = "blocked"  // an address that may not be reached
	AttemptProtocol          = "protocol" // closed, or not HTTP
	AttemptRedirect          = "redirect"
	AttemptStatus            = "status" // an answer that is not 2xx
	AttemptLocal             = "local"  // our own fault, as a shutdown: never charged

	DisabledFailing = "failing" // too many failed attempts for too long
	DisabledGone    = "gone"    // it answered 410
	DisabledByUser  = "user"
	// DisabledRestored: a backup was restored, and receivers may know more than it does.
	DisabledRestored = "restored"
	// DisabledNoSecret: its secret was lost with the master key, and given up.
	DisabledNoSecret = "secret_lost"

	NoticeQuiet     NoticeCode = "quiet"      // the speech is so quiet that it was raised a lot
	NoticeClipped   NoticeCode = "clipped"    // loud parts are distorted
	NoticeTracks    NoticeCode = "tracks"     // other audio tracks of the file were left out
	NoticeChannels  NoticeCode = "channels"   // channels were left out or inverted
	NoticeTruncated NoticeCode = "truncated"  // the file ends too early; see Result.Truncated
	NoticeHeader    NoticeCode = "bad_header" // the file's header is wrong, and was not believed
	NoticeRawAudio  NoticeCode = "raw_audio"  // read as headerless audio, by the name of the file
	NoticeDamaged   NoticeCode = "damaged"    // some of the file could not be decoded
	NoticeLanguage  NoticeCode = "language"   // uncertain: noise, or another language than the model\'s; see Result.LanguageConfidence
)
