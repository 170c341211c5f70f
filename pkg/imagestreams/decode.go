package imagestreams

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errShape is an answer that is JSON, but not a list.
var errShape = errors.New("the answer is not a list of image streams")

// decodeList reads a list item by item: the whole answer is never in memory, and neither is more than one item of it.
func decodeList(from io.Reader) (*list, error) {
	decoder := json.NewDecoder(from)
	into := &list{}
	if err := expect(decoder, '{'); err != nil {
		return nil, err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("reading a list of image streams: %w", err)
		}
		switch key {
		case "metadata":
			err = decoder.Decode(&into.ListMeta)
		case "items":
			err = decodeItems(decoder, into)
		default:
			var skipped json.RawMessage
			err = decoder.Decode(&skipped)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %v of a list of image streams: %w", key, err)
		}
	}
	// Without the closing brace the list was cut off.
	if err := expect(decoder, '}'); err != nil {
		return nil, err
	}
	return into, nil
}

func decodeItems(decoder *json.Decoder, into *list) error {
	open, err := decoder.Token()
	if err != nil || open == nil { // null is an empty list
		return err
	}
	if open != json.Delim('[') {
		return errShape
	}
	for decoder.More() {
		item := &Stream{}
		if err := decoder.Decode(item); err != nil {
			return err
		}
		into.Items = append(into.Items, item)
	}
	_, err = decoder.Token()
	return err
}

func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if err != nil {
		return fmt.Errorf("reading a list of image streams: %w", err)
	}
	if token != want {
		return errShape
	}
	return nil
}
