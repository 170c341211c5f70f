package storage

import "context"

// Drivers is the catalog of the kinds of storage that can be served.
type Drivers []Driver

// kinds lists every member of the union that is a kind of storage, whether or not a driver for it exists. oss is not
// one: the field is left alone.
var kinds = []struct {
	kind       Kind
	configured func(*Coordinates) bool
}{
	{EmptyDir, func(c *Coordinates) bool { return c.EmptyDir != nil }},
	{S3, func(c *Coordinates) bool { return c.S3 != nil }},
	{Swift, func(c *Coordinates) bool { return c.Swift != nil }},
	{GCS, func(c *Coordinates) bool { return c.GCS != nil }},
	{IBMCOS, func(c *Coordinates) bool { return c.IBMCOS != nil }},
	{PVC, func(c *Coordinates) bool { return c.PVC != nil }},
	{Azure, func(c *Coordinates) bool { return c.Azure != nil }},
}

// Configured lists the kinds that are set in coordinates, in the order in which errors name them.
func Configured(coordinates *Coordinates) []Kind {
	var found []Kind
	for _, k := range kinds {
		if k.configured(coordinates) {
			found = append(found, k.kind)
		}
	}
	return found
}

// Select returns the driver of the one kind that is set. The errors are *Error with the reasons StorageNotConfigured,
// MultipleStoragesConfigured and StorageNotSupported, all permanent.
func (d Drivers) Select(coordinates *Coordinates) (Driver, error) {
	found := Configured(coordinates)
	switch len(found) {
	case 0:
		return Driver{}, NotConfigured("no storage is configured in spec.storage and the platform offers none; " +
			"configure one type in spec.storage, for instance: " + command(claimPatch) + " ; or set spec.managementState to Removed")
	case 1:
		for _, driver := range d {
			if driver.Kind == found[0] {
				return driver, nil
			}
		}
		return Driver{}, NotSupported(found[0])
	default:
		return Driver{}, MultipleConfigured(found)
	}
}

// Default is the platform table for the platform of in, after asking the cloud where the table depends on what it offers:
// only OpenStack is asked. An error says that this could not be found out, and is no reason to take something else.
func (d Drivers) Default(ctx context.Context, in Inputs) (Default, error) {
	platform, err := DefaultFor(in.Infrastructure)
	if err != nil {
		return Default{}, err
	}
	for _, driver := range d {
		if driver.Usable == nil || !driver.Configured(&platform.Storage) {
			continue
		}
		usable, err := driver.Usable(ctx, in)
		if err != nil {
			return Default{}, err
		}
		if !usable {
			return DefaultFor(in.Infrastructure, driver.Kind)
		}
	}
	return platform, nil
}
