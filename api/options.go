package api

import "strconv"

// Options are what a job can be asked for. The zero value asks for the
// configured defaults. Each field has a row in the table of options.
type Options struct {
	Language       string   `json:"language,omitempty" toml:"language"` // BCP 47, "" for automatic or the model's own
	Mode           Mode     `json:"mode,omitempty" toml:"mode"`
	Model          string   `json:"model,omitempty" toml:"model"` // a name of the catalog, or of a configured engine
	Plan           Plan     `json:"plan,omitempty" toml:"plan"`
	Instructions   string   `json:"instructions,omitempty" toml:"instructions"` // at most MaxInstructions characters
	Channels       Channels `json:"channels,omitempty" toml:"channels"`
	Speakers       string   `json:"speakers,omitempty" toml:"speakers"` // how many voices to tell apart: Auto, or 1 to MaxSpeakers
	Track          string   `json:"track,omitempty" toml:"track"`       // the number of an audio track, from 1, or TrackAll
	AllowTruncated bool     `json:"allow_truncated,omitempty" toml:"allow_truncated"`
	RedactPII      bool     `json:"redact_pii,omitempty" toml:"redact_pii"`
	RedactAudio    bool     `json:"redact_audio,omitempty" toml:"redact_audio"` // implies RedactPII
}

// Complete returns o with what its options imply.
func (o Options) Complete() Options {
	o.RedactPII = o.RedactPII || o.RedactAudio
	return o
}

// The types of the words that an option allows; "" asks for the default.
type (
	// Mode is the form of a transcript's text.
	Mode string
	// Channels is how several channels are taken.
	Channels string
	// Plan bounds webhooks, retention and analysis.
	Plan string
	// After is what becomes of a dropped file once its job has ended.
	After string
	// Dedupe is the scope in which one content is transcribed once.
	Dedupe string
	// Existing is what becomes of audio that is in a folder when it becomes a
	// drop folder.
	Existing string

	// Format is a form in which a transcript can be written. It is the
	// extension of its files too.
	Format = string
)

// The words that options allow, words with a meaning of their own among other
// values, and the names of options that are more than a value of Options.
const (
	ModePolished Mode = "polished" // without hesitations, with figures and punctuation
	ModeVerbatim Mode = "verbatim" // exactly as recognized

	ChannelsMix   Channels = "mix"
	ChannelsSplit Channels = "split" // one speaker a channel

	PlanLite      Plan = "lite"
	PlanPro       Plan = "pro"
	PlanUnlimited Plan = "unlimited"

	FormatText     Format = "txt"
	FormatSRT      Format = "srt"
	FormatVTT      Format = "vtt"
	FormatJSON     Format = "json"
	FormatTSV      Format = "tsv"
	FormatMarkdown Format = "md"

	AfterLeave  After = "leave"
	AfterMove   After = "move" // to done/ or failed/ in its drop folder
	AfterDelete After = "delete"

	DedupeFolder Dedupe = "folder"
	DedupeGlobal Dedupe = "global" // over all drop folders
	DedupeOff    Dedupe = "off"

	ExistingProcess Existing = "process"
	ExistingIgnore  Existing = "ignore"

	Auto     = "auto" // language, speakers, poll: found out
	Off      = "off"  // poll: never
	TrackAll = "all"  // track: all audio tracks of a file together

	OptionMetadata = "metadata"
	OptionWebhooks = "webhooks"
	OptionFormats  = "formats"
	OptionAsync    = "async"
	OptionSize     = "size"
	OptionExisting = "existing"
)

// All values of a kind, in the order of the documentation.
var (
	Formats           = []Format{FormatText, FormatSRT, FormatVTT, FormatJSON, FormatTSV, FormatMarkdown}
	JobStatuses       = words(Queued, Processing, Completed, Failed, Cancelled, Interrupted)
	AttemptErrorKinds = []string{AttemptDNS, AttemptConnect, AttemptTLS, AttemptClientCertificate, AttemptHTTPVersion, AttemptTimeout,
		AttemptBlocked, AttemptProtocol, AttemptRedirect, AttemptStatus, AttemptLocal}
	DeliveryStatuses = words(DeliveryPending, DeliveryInFlight, DeliveryDelivered, DeliveryFailed, DeliveryHeld, DeliveryCancelled)
)

// SpeakerCount reads Speakers: how many voices there are, 0 for Auto. Any other
// text is an error, and so is none.
func (o Options) SpeakerCount() (int, error) {
	if o.Speakers == Auto {
		return 0, nil
	}
	n, err := strconv.Atoi(o.Speakers)
	if err != nil || n < 1 || n > MaxSpeakers {
		return 0, Errorf(Invalid, "got %q, want auto or a number from 1 to %d", o.Speakers, MaxSpeakers)
	}
	return n, nil
}

// checkTrack returns Options.Track as it is kept: a number from 1, or TrackAll.
func checkTrack(s string) (string, error) {
	if s == TrackAll {
		return s, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 999 {
		return "", Errorf(Invalid, "got %q, want the number of an audio track, from 1, or all", s)
	}
	return strconv.Itoa(n), nil
}

// options is the table of everything that a job, a submission or a drop folder
// can be asked for. A row whose name is the JSON name of a field of Options is
// complete with that field, a string, a truth value, or a list or map of strings;
// a number is kept as a string that normalize checks, as Speakers is. Form, flags,
// drop folder, config file and client follow. Tests name the pages that lack it.
var options = []Option{
	{Name: "language", Kind: KindText, Value: "LANGUAGE", Help: "language of the speech, such as en or de-AT", Examples: []string{"en", "de", "es", "fr"}, Default: "as configured, else automatic",
		MaxChars: 64, On: onJob, normalize: checkLanguage},
	{Name: "model", Kind: KindText, Value: "NAME", Help: "speech model, or a configured engine", Default: "as configured", On: onJob},
	{Name: "mode", Kind: KindWord, Value: "MODE", Help: "form of the text", Words: words(ModePolished, ModeVerbatim), Default: "as configured", On: onJob},
	{Name: "plan", Kind: KindWord, Value: "PLAN", Help: "how much is analyzed", Words: words(PlanLite, PlanPro, PlanUnlimited), Default: "as configured", On: onJob},
	{Name: "instructions", Kind: KindText, Value: "TEXT", Help: "what the analysis should look for", MaxChars: MaxInstructions, On: onJob},
	{Name: "channels", Kind: KindWord, Value: "HOW", Help: "one transcript of all channels, or one speaker per channel", Words: words(ChannelsMix, ChannelsSplit),
		Default: string(ChannelsMix), On: onJob},
	{Name: "speakers", Kind: KindText, Value: "COUNT", Help: "tell the voices of one channel apart: auto, or how many there are", Examples: []string{Auto, "2", "3", "4"},
		MaxChars: 16, On: onJob, normalize: checkSpeakers},
	{Name: "track", Kind: KindText, Value: "TRACK", Help: "audio track of a film or recording: its number from 1, or all of them", Default: "the file's default, else the first in which somebody speaks",
		Examples: []string{TrackAll, "1", "2"}, MaxChars: 4, On: onJob, normalize: checkTrack},
	{Name: "allow_truncated", Kind: KindBool, Help: "transcribe what is there of a file that ends too early", On: onJob},
	{Name: "redact_pii", Kind: KindBool, Help: "mask card numbers, SSNs, phone numbers and email addresses", On: onJob},
	{Name: "redact_audio", Kind: KindBool, Help: "the same, and keep a copy of the audio with them silenced (see jobs audio)", On: onJob},
	{Name: OptionMetadata, Kind: KindJSON, Value: "K=V", Help: "comes back in every webhook: `K=V`, a JSON object or @FILE (repeatable)", MaxChars: MaxMetadata, On: OnForm | OnTranscribe},
	{Name: OptionMetadata, Kind: KindMap, Value: "K=V", Help: "comes back in every webhook: `K=V`, with {stem}, {dir} and {mtime} filled in (repeatable)", MaxChars: MaxMetadata, On: onFolder},
	{Name: OptionWebhooks, Field: "webhook_id", Flag: "webhook", Kind: KindList, Value: "ID", Help: "only the webhook `ID` receives the event (repeatable)", MaxChars: 64, On: onJob},
	{Name: OptionFormats, Flag: "format", Short: "f", Kind: KindList, Value: "FORMAT", Help: "format of the transcript, repeatable", Words: Formats, Default: FormatText, normalize: plainFormat,
		On: OnTranscribe | onFolder},
	{Name: OptionAsync, Kind: KindBool, Help: "return once the daemon has the audio; webhooks report the outcome", On: OnForm | OnTranscribe},
	{Name: OptionSize, Kind: KindText, Help: "bytes of the audio, compared with what arrives", MaxChars: 32, On: OnForm},

	{Name: "dir", Kind: KindText, Value: "DIR", Help: "the folder", On: OnTOML},
	{Name: OptionExisting, Kind: KindWord, Value: "WHAT", Help: "what to do with audio that is already there", Words: words(ExistingProcess, ExistingIgnore), On: OnWatch | OnTOML},
	{Name: "recursive", Kind: KindBool, Help: "include the folders in it", Default: "true", On: onFolder},
	{Name: "include", Kind: KindList, Value: "PATTERN", Help: "only files that match `PATTERN` (repeatable)", Default: "known audio extensions", On: onFolder},
	{Name: "exclude", Kind: KindList, Value: "PATTERN", Help: "no files that match `PATTERN` (repeatable)", On: onFolder},
	{Name: "settle", Kind: KindText, Value: "DURATION", Help: "how long a file must stay the same", Examples: []string{"5s", "1m"}, Default: "5s", On: onFolder},
	{Name: "poll", Kind: KindText, Value: "DURATION", Help: "auto, off, or how often to look for files", Examples: []string{Auto, Off, "30s"}, Default: Auto, On: onFolder},
	{Name: "dedupe", Kind: KindWord, Value: "SCOPE", Help: "where the same content is transcribed only once", Words: words(DedupeFolder, DedupeGlobal, DedupeOff),
		Default: string(DedupeFolder), On: onFolder},
	{Name: "after", Kind: KindWord, Value: "WHAT", Help: "what to do with a transcribed file; move puts it into done/", Words: words(AfterLeave, AfterMove, AfterDelete),
		Default: string(AfterLeave), On: onFolder},
	{Name: "failed", Kind: KindWord, Value: "WHAT", Help: "what to do with a file that failed; move puts it into failed/", Words: words(AfterLeave, AfterMove),
		Default: string(AfterLeave), On: onFolder},
	{Name: "out", Kind: KindText, Value: "DIR", Help: "folder of the transcripts", Default: "beside the audio", MaxChars: 4096, On: onFolder},
	{Name: "paused", Kind: KindBool, Help: "take no files for now", On: OnFolder | OnTOML},
}
