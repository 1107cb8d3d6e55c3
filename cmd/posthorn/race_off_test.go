//go:build !race

package main_test

// buildFlags build the program as the tests were built.
var buildFlags []string
