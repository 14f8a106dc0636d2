package engine_test

// fakeEnv makes the test program a worker that misbehaves in the named way.
const fakeEnv = "VOXPARSE_FAKE_WORKER"

func fakeWorker(string) error { return nil }
