package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// keepFile makes the file at path hold content, at once or not at all; without content there is no file. It tells
// whether anything had to be done.
func keepFile(path string, content []byte) (changed bool, err error) {
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("reading the endpoints of the Azure Stack: %w", err)
	}
	there, wanted := err == nil, len(content) > 0
	switch {
	case there == wanted && bytes.Equal(have, content):
		return false, nil
	case !wanted:
		if err := os.Remove(path); err != nil {
			return false, fmt.Errorf("removing the endpoints of the Azure Stack: %w", err)
		}
		return true, nil
	}
	if err := replaceFile(path, content); err != nil {
		return false, fmt.Errorf("writing the endpoints of the Azure Stack: %w", err)
	}
	return true, nil
}

// replaceFile writes beside the file and renames: a reader never sees half of it.
func replaceFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
