package storetest

import "testing"

func TestTheModelPassesTheSuite(t *testing.T) { Run(t, Models()) }
