// Package golden has no code, only a test: the assembled operator over whole clusters written down as files. README.md
// says how a case looks.
package golden
