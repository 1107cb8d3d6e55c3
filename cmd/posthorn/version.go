package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the build (-X main.version=…).
var version string

type versionCmd struct{}

// Run prints the version.
func (c *versionCmd) Run(std streams) error {
	_, err := fmt.Fprintf(std.out, "posthorn %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion is what the build was told, else the commit that Go noted.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 7 {
				return s.Value[:7]
			}
		}
	}
	return "dev"
}
