// Package imports has no code, only tests that look at the repository itself: who imports whom, how large files are, how
// many exceptions the linters were asked for, and words that must not be committed.
package imports
