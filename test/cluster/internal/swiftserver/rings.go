package swiftserver

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// partPower makes 16 partitions: more would only mean more folders.
const partPower = 4

// device is the one device of a ring, a folder.
const device = "disk"

// writeRing writes NAME.ring.gz: one replica, on one device, served by one server. The format is Swift's version 1: magic,
// version, length of the JSON part, the JSON part, and for each replica the number of the device of each partition.
func writeRing(dir, name string, port int) error {
	type dev struct {
		ID              int     `json:"id"`
		Region          int     `json:"region"`
		Zone            int     `json:"zone"`
		IP              string  `json:"ip"`
		Port            int     `json:"port"`
		ReplicationIP   string  `json:"replication_ip"`
		ReplicationPort int     `json:"replication_port"`
		Device          string  `json:"device"`
		Weight          float64 `json:"weight"`
		Meta            string  `json:"meta"`
	}
	head, err := json.Marshal(map[string]any{
		"byteorder": "little", "part_shift": 32 - partPower, "replica_count": 1,
		"devs": []dev{{Region: 1, Zone: 1, IP: loopback, Port: port, ReplicationIP: loopback, ReplicationPort: port, Device: device, Weight: 1}},
	})
	if err != nil {
		return fmt.Errorf("encoding ring %s: %w", name, err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	content := append([]byte("R1NG"), 0, 1)
	content = binary.BigEndian.AppendUint32(content, uint32(len(head)))
	content = append(content, head...)
	// Every partition is on device 0.
	content = append(content, make([]byte, 2<<partPower)...)
	if _, err := writer.Write(content); err != nil {
		return fmt.Errorf("packing ring %s: %w", name, err)
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("packing ring %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(dir, name+".ring.gz"), packed.Bytes(), 0o644)
}
