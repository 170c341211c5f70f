package move

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// spool is a list of files on the disk: a registry may have millions, and the list of its blobs must not begin before
// the one of its links is complete.
type spool struct {
	file   *os.File
	writer *bufio.Writer
	// files and bytes are what is in it.
	files, bytes int64
}

// newSpool makes an empty one in folder; nothing of it is left when the process ends.
func newSpool(folder string) (*spool, error) {
	file, err := os.CreateTemp(folder, "files-")
	if err != nil {
		return nil, fmt.Errorf("making a list: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("making a list: %w", err), file.Close())
	}
	return &spool{file: file, writer: bufio.NewWriterSize(file, 1<<16)}, nil
}

func (s *spool) add(file storage.File) error {
	s.files++
	s.bytes += file.Size
	if err := json.NewEncoder(s.writer).Encode(file); err != nil {
		return fmt.Errorf("writing a list: %w", err)
	}
	return nil
}

// each visits what was added, in that order, and ends with the first error of visit.
func (s *spool) each(visit func(storage.File) error) error {
	if err := s.writer.Flush(); err != nil {
		return fmt.Errorf("writing a list: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading a list: %w", err)
	}
	decoder := json.NewDecoder(bufio.NewReaderSize(s.file, 1<<16))
	for range s.files {
		var file storage.File
		if err := decoder.Decode(&file); err != nil {
			return fmt.Errorf("reading a list: %w", err)
		}
		if err := visit(file); err != nil {
			return err
		}
	}
	return nil
}

func (s *spool) close() error { return s.file.Close() }
