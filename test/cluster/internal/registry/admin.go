package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/distribution/distribution/v3/registry/storage"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/opencontainers/go-digest"
	"github.com/sirupsen/logrus"
)

// AdminBlobPath removes a blob's data from the storage: DELETE answers 204, 404 for a blob that is not there and 400 for
// what is no digest. DELETE of the registry API only removes a repository's link to a blob; pruning in OpenShift removes
// the links first and then the data, with this endpoint of OpenShift's registry, which distribution does not have. The
// original wants a permission of its caller; here everyone may, as with the rest. It exists where deletion is enabled and the registry is not read-only.
const AdminBlobPath = "/admin/blobs/"

// withAdmin puts the endpoints of OpenShift's registry beside those of the app.
func withAdmin(ctx context.Context, config *configuration.Configuration, app http.Handler) (http.Handler, error) {
	deletes, err := deletes(config.Storage)
	// The memory driver of the app cannot be reached from here, and another one would be another memory.
	if err != nil || !deletes || config.Storage.Type() == "inmemory" {
		return app, err
	}
	driver, err := factory.Create(context.WithoutCancel(ctx), config.Storage.Type(), config.Storage.Parameters())
	if err != nil {
		return nil, fmt.Errorf("storage driver for %s: %w", AdminBlobPath, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("DELETE "+AdminBlobPath+"{digest}", func(w http.ResponseWriter, r *http.Request) { removeBlob(w, r, driver) })
	mux.Handle("/", app)
	return mux, nil
}

// deletes reads storage.delete.enabled and storage.maintenance.readonly.enabled.
func deletes(config configuration.Storage) (bool, error) {
	enabled, err := flag("storage.delete.enabled", config["delete"]["enabled"])
	if err != nil || !enabled {
		return false, err
	}
	maintenance, _ := config["maintenance"]["readonly"].(map[any]any)
	readOnly, err := flag("storage.maintenance.readonly.enabled", maintenance["enabled"])
	return !readOnly, err
}

func flag(name string, value any) (bool, error) {
	if value == nil {
		return false, nil
	}
	is, boolean := value.(bool)
	if !boolean {
		return false, fmt.Errorf("%s is %v, no boolean", name, value)
	}
	return is, nil
}

func removeBlob(w http.ResponseWriter, r *http.Request, driver storagedriver.StorageDriver) {
	id, err := digest.Parse(r.PathValue("digest"))
	if err != nil {
		_ = errcode.ServeJSON(w, errcode.ErrorCodeDigestInvalid.WithDetail(err.Error()))
		return
	}
	err = storage.NewVacuum(r.Context(), driver).RemoveBlob(id.String())
	var missing storagedriver.PathNotFoundError
	switch {
	case errors.As(err, &missing):
		_ = errcode.ServeJSON(w, errcode.ErrorCodeBlobUnknown.WithDetail(id))
	case err != nil:
		logrus.Errorf("removing blob %s: %v", id, err)
		_ = errcode.ServeJSON(w, errcode.ErrorCodeUnknown.WithDetail(err.Error()))
	default:
		logrus.Infof("removed blob %s", id)
		w.WriteHeader(http.StatusNoContent)
	}
}
